/** A release of JetPack, NVIDIA's software for Jetson modules. */
export interface JetPack {
  /** `6.2` */
  readonly version: string;
  /** Jetson Linux, `36.4.3`. */
  readonly l4t: string;
  /** Version that the release brings, as far as it was verified. */
  readonly tensorrt: string | undefined;
  readonly isSupported: boolean;
}

/**
 * Releases by the beginning of their L4T version, the longest beginning first.
 * Source: the version table of dusty-nv/jetson-containers (dd206bfe) for 5 to 7; public listings of devices for 36.4.3 as 6.2
 * and 36.4.4 as 6.2.1. TensorRT of JetPack 7.2 was not verified.
 */
const releases: readonly { l4t: string; jetPack: string; tensorrt?: string; isSupported: boolean }[] = [
  { l4t: '36.4.0', jetPack: '6.1', tensorrt: '10.3', isSupported: true },
  { l4t: '36.4.3', jetPack: '6.2', tensorrt: '10.3', isSupported: true },
  { l4t: '36.4', jetPack: '6.2.1', tensorrt: '10.3', isSupported: true },
  { l4t: '36.5', jetPack: '6.2.x', tensorrt: '10.3', isSupported: true },
  { l4t: '36', jetPack: '6.0', tensorrt: '8.6 or 10.0', isSupported: true },
  { l4t: '38', jetPack: '7.0 or 7.1', tensorrt: '10.13', isSupported: true },
  { l4t: '39', jetPack: '7.2', isSupported: true },
  { l4t: '35', jetPack: '5', tensorrt: '8.5', isSupported: false },
  { l4t: '32', jetPack: '4', tensorrt: '8.2 or older', isSupported: false },
];

/**
 * The version in `/etc/nv_tegra_release`, whose first line is
 * `# R36 (release), REVISION: 4.3, GCID: 12345678, BOARD: generic, EABI: aarch64, DATE: ...`.
 * @returns `36.4.3`; undefined when the text is another
 */
export function parseTegraRelease(text: string): string | undefined {
  const [, major, revision] = /^# R(\d+) \(release\), REVISION: (\d+(?:\.\d+)*)/m.exec(text) ?? [];
  return major && revision ? `${major}.${revision}` : undefined;
}

/** The JetPack of a version of Jetson Linux; one that is newer than this table counts as supported and has no name. */
export function jetPackOf(l4t: string): JetPack {
  const release = releases.find((entry) => l4t === entry.l4t || l4t.startsWith(`${entry.l4t}.`));
  if (!release) return { version: 'unknown', l4t, tensorrt: undefined, isSupported: Number.parseInt(l4t, 10) > 36 };
  return { version: release.jetPack, l4t, tensorrt: release.tensorrt, isSupported: release.isSupported };
}

/** The combination that is built and pinned for Jetsons (firmware-configs/system/jetson). */
export const pinnedPairing = {
  onnxruntime: ['1.24', '1.25'],
  tensorrt: '10.3',
  jetPack: ['6.1', '6.2'],
  text: 'ONNX Runtime 1.24 or 1.25 with TensorRT 10.3 on JetPack 6.1 or 6.2',
} as const;

/** Whether three versions are the pinned combination. */
export function isPinnedPairing(onnxruntime: string, tensorrt: string, jetPack: string | null): boolean {
  const begins = (version: string, beginning: string) => version === beginning || version.startsWith(`${beginning}.`);
  return (
    pinnedPairing.onnxruntime.some((beginning) => begins(onnxruntime, beginning)) &&
    begins(tensorrt, pinnedPairing.tensorrt) &&
    pinnedPairing.jetPack.some((beginning) => begins(jetPack ?? '', beginning))
  );
}
