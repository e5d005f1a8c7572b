import { createContext, useContext, useSyncExternalStore } from 'react';
import type { ConsoleState, LineStore } from './line-store.js';

export const LineStoreContext = createContext<LineStore | null>(null);

export function useLineStore(): LineStore {
  const store = useContext(LineStoreContext);
  if (!store) throw new Error('the page is rendered without its line store');
  return store;
}

/** One value of the state; the component renders again only when that value changes. */
export function useLine<T>(select: (state: ConsoleState) => T): T {
  const store = useLineStore();
  return useSyncExternalStore(store.subscribe, () => select(store.getState()));
}
