export const trainErrors = {} as const;
