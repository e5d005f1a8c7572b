export const consoleErrors = {} as const;
