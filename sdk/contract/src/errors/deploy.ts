export const deployErrors = {} as const;
