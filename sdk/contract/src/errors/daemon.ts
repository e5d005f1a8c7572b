export const daemonErrors = {} as const;
