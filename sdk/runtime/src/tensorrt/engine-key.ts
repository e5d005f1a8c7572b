import { createHash } from 'node:crypto';
import type { DeviceFacts, EngineSettings } from '@plumbline/contract';

/** Everything that makes two engines different. */
export interface EngineKeyParts {
  /** Of the .onnx file, lower-case hex. */
  readonly modelSha256: string;
  readonly facts: DeviceFacts;
  readonly settings: EngineSettings;
}

/** The key of an engine: sha256 over its parts, lower-case hex. Timing cache and duration do not belong to it. */
export function engineKey({ modelSha256, facts, settings }: EngineKeyParts): string {
  const { tensorrt, gpu, computeCapability, jetPack, l4t } = facts;
  const { workspaceMib, optimizationLevel } = settings;
  const parts = { modelSha256, tensorrt, gpu, computeCapability, jetPack, l4t, workspaceMib, optimizationLevel };
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
}

/** What makes an engine that was built from `built` unfit for `wanted`, in words; empty when they are equal. */
export function describeDifference(built: EngineKeyParts, wanted: EngineKeyParts): string[] {
  const jetPack = ({ jetPack, l4t }: DeviceFacts) => (jetPack === null ? 'none' : `${jetPack} (L4T ${l4t})`);
  const orDefault = (value: number | null) => (value === null ? 'default' : String(value));
  const rows: [what: string, built: string, wanted: string][] = [
    ['TensorRT', built.facts.tensorrt, wanted.facts.tensorrt],
    ['graphics processor', built.facts.gpu, wanted.facts.gpu],
    ['compute capability', built.facts.computeCapability, wanted.facts.computeCapability],
    ['JetPack', jetPack(built.facts), jetPack(wanted.facts)],
    ['workspace in MiB', orDefault(built.settings.workspaceMib), orDefault(wanted.settings.workspaceMib)],
    ['optimization level', orDefault(built.settings.optimizationLevel), orDefault(wanted.settings.optimizationLevel)],
  ];
  const changed = rows.filter(([, before, now]) => before !== now);
  return [
    ...(built.modelSha256 === wanted.modelSha256 ? [] : ['model changed']),
    ...changed.map(([what, before, now]) => `${what} ${before} -> ${now}`),
  ];
}
