import { defineConfig } from 'vitest/config';

// Tests import packages by their public names, which resolve to dist: what is tested is what ships.
export default defineConfig({
  test: {
    include: ['sdk/*/src/**/*.test.ts', 'apps/*/src/**/*.test.{ts,tsx}', 'test/**/*.test.ts'],
    exclude: [
      '**/node_modules/**',
      '**/dist/**',
      ...(process.env.PLUMBLINE_LONG ? [] : ['test/long/**', 'test/arm64/**']),
    ],
    testTimeout: 30_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    // Tests that load onnxruntime-node themselves send nothing and leave no files.
    env: { ORT_DISABLE_TELEMETRY: '1' },
  },
});
