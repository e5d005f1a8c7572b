/**
 * WebSocket address of a daemon's feed.
 * @param origin the daemon's http(s) origin, such as `http://127.0.0.1:8080`; a path after it is dropped
 * @param token sent in the query where no cookie can be, as in the desktop shell
 */
export function feedUrlOf(origin: string, token?: string): string {
  const [, secure, host] = /^http(s?):\/\/([^/?#]+)/i.exec(origin) ?? [];
  const query = token ? `?token=${encodeURIComponent(token)}` : '';
  return `ws${(secure ?? '').toLowerCase()}://${host ?? ''}/api/feed${query}`;
}
