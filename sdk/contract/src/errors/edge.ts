export const edgeErrors = {} as const;
