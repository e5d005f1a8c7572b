export const mesErrors = {} as const;
