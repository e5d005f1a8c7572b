import type { FeedPictureHeader, LineStatus } from '@plumbline/contract';
import { type Alarm, alarmsOf } from '../../common/alarms.js';
import { daemonNowMs, deriveLineView, type LineSnapshot, type LineView } from '../../common/line-view.js';
import { addNg, stepSelection } from '../../common/ng-list.js';
import type { FeedAddress } from '../../common/shell-bridge.js';
import { stepFactor, type Zoom } from '../../common/viewport.js';

/** One NG part of the filmstrip, decoded once. */
export interface NgItem {
  header: FeedPictureHeader;
  bitmap: ImageBitmap;
}

/** What React renders. Pictures are not in here: the canvases draw them on their own. */
export interface ConsoleState {
  status: LineStatus | null;
  view: LineView;
  alarms: readonly Alarm[];
  /** Newest result, the one the verdict speaks of. */
  result: FeedPictureHeader | null;
  /** Header of the picture that is on the canvas now; its boxes and the list are this frame's. */
  shown: FeedPictureHeader | null;
  ng: readonly NgItem[];
  mode: 'live' | 'frozen';
  /** resultId of the NG part that the frozen view shows; null when it shows the frame it was frozen on. */
  selectedNg: string | null;
  hasBoxes: boolean;
  zoom: Zoom;
  /** Rank of the highlighted detection in the shown frame. */
  selectedDetection: number;
  /** Daemon wall clock in whole seconds, Unix epoch; null before the first status. */
  nowS: number | null;
  /** Daemon wall clock of the last news before the connection was lost; null before the first status. */
  lastNewsMs: number | null;
  /** Since when the camera gives nothing, daemon wall clock; null while it does. */
  cameraDownSinceMs: number | null;
  attempt: number;
  /** Host and port that the page connects to. */
  host: string;
  /** Why the desktop shell has no address for the feed; null where it has. */
  addressProblem: { code: string; message: string; help: string } | null;
  /** Highest camera rate since the page opened, 1/s. */
  peakFps: number;
}

const TICK_MS = 200;

/**
 * Holds what was received and derives the view from it, on every message and five times a second. Subscribers are told
 * only when a field they may show has changed.
 */
export class LineStore {
  #snapshot: LineSnapshot = {
    connection: 'connecting',
    status: null,
    statusLocalMs: 0,
    lastMessageLocalMs: null,
    result: null,
    resultLocalMs: 0,
  };
  #state: ConsoleState;
  #alarmsText = '[]';
  #subscribers = new Set<() => void>();
  #timer = 0;
  #pinned: NgItem | null = null;

  constructor(private readonly clock: () => number = () => performance.now()) {
    this.#state = {
      status: null,
      view: deriveLineView(this.#snapshot, clock()),
      alarms: [],
      result: null,
      shown: null,
      ng: [],
      mode: 'live',
      selectedNg: null,
      hasBoxes: true,
      zoom: { factor: 1, centerX: 0, centerY: 0 },
      selectedDetection: 0,
      nowS: null,
      lastNewsMs: null,
      cameraDownSinceMs: null,
      attempt: 0,
      host: '',
      addressProblem: null,
      peakFps: 0,
    };
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.#subscribers.add(listener);
    return () => this.#subscribers.delete(listener);
  };
  readonly getState = (): ConsoleState => this.#state;

  start(): void {
    this.#timer = window.setInterval(() => this.#derive(), TICK_MS);
  }
  stop(): void {
    clearInterval(this.#timer);
  }

  addressFound({ url, problem }: FeedAddress): void {
    this.#set({ addressProblem: problem, host: url === null ? this.#state.host : new URL(url).host });
  }
  opened(): void {
    // Results of the lost connection stay out: a verdict appears with the first new frame.
    this.#snapshot = {
      ...this.#snapshot,
      connection: 'open',
      status: null,
      result: null,
      lastMessageLocalMs: this.clock(),
    };
    this.#derive({ attempt: 0, result: null });
  }
  closed(attempt: number): void {
    const connection = this.#state.status === null ? 'connecting' : 'closed';
    this.#snapshot = { ...this.#snapshot, connection };
    this.#derive({ attempt });
  }
  statusReceived(status: LineStatus): void {
    const now = this.clock();
    this.#snapshot = { ...this.#snapshot, status, statusLocalMs: now, lastMessageLocalMs: now };
    this.#derive({
      status,
      lastNewsMs: status.nowMs,
      peakFps: Math.max(this.#state.peakFps, status.camera.framesPerSecond),
    });
  }
  resultReceived(header: FeedPictureHeader): void {
    const now = this.clock();
    this.#snapshot = { ...this.#snapshot, result: header, resultLocalMs: now, lastMessageLocalMs: now };
    this.#derive({ result: header });
  }
  frameShown(header: FeedPictureHeader): void {
    this.#set({ shown: header });
  }
  ngReceived(item: NgItem): void {
    const before = this.#state.ng;
    const after = addNg(before, item);
    if (after === before) item.bitmap.close();
    for (const old of before) {
      if (after.includes(old)) continue;
      // The one on the canvas stays until the view leaves it.
      if (old.header.resultId === this.#state.selectedNg) this.#pinned = old;
      else old.bitmap.close();
    }
    this.#set({ ng: after });
  }
  /** The part that the frozen view shows, also after it has left the filmstrip. */
  selectedItem(): NgItem | null {
    const id = this.#state.selectedNg;
    if (id === null) return null;
    return this.#state.ng.find((item) => item.header.resultId === id) ?? this.#pinned;
  }

  /** Stops the view on the frame that is on the canvas, or goes back to live. The inspection is not touched. */
  toggleFreeze(): void {
    if (this.#state.mode === 'frozen') this.goLive();
    else if (this.#state.shown) this.#set({ mode: 'frozen', selectedNg: null });
  }
  goLive(): void {
    this.#set({ mode: 'live', selectedNg: null });
    this.#pinned = null;
  }
  selectNg(resultId: string): void {
    if (!this.#state.ng.some((item) => item.header.resultId === resultId)) return;
    this.#pinned = null;
    this.#set({ mode: 'frozen', selectedNg: resultId, selectedDetection: 0 });
  }
  stepNg(step: 1 | -1): void {
    const next = stepSelection(
      this.#state.ng.map((item) => item.header.resultId),
      this.#state.selectedNg,
      step,
    );
    if (next) this.selectNg(next);
  }
  toggleBoxes(): void {
    this.#set({ hasBoxes: !this.#state.hasBoxes });
  }
  /** Zooms about the middle of the view, or about the highlighted detection when zooming in from the fitted picture. */
  stepZoom(step: 1 | -1 | 0): void {
    const { zoom, shown, selectedDetection } = this.#state;
    if (!shown) return;
    const factor = step === 0 ? 1 : stepFactor(zoom.factor, step);
    const box = shown.detections[selectedDetection]?.bbox;
    const center =
      zoom.factor > 1
        ? { centerX: zoom.centerX, centerY: zoom.centerY }
        : box
          ? { centerX: box.x + box.width / 2, centerY: box.y + box.height / 2 }
          : { centerX: shown.image.width / 2, centerY: shown.image.height / 2 };
    this.#set({ zoom: { factor, ...center } });
  }
  setZoom(zoom: Zoom): void {
    this.#set({ zoom });
  }
  selectDetection(rank: number): void {
    const box = this.#state.shown?.detections[rank]?.bbox;
    const zoom = this.#state.zoom;
    this.#set({
      selectedDetection: rank,
      zoom:
        box && zoom.factor > 1 ? { ...zoom, centerX: box.x + box.width / 2, centerY: box.y + box.height / 2 } : zoom,
    });
  }

  #derive(patch: Partial<ConsoleState> = {}): void {
    const now = this.clock();
    const view = deriveLineView(this.#snapshot, now);
    const status = patch.status ?? this.#state.status;
    const daemonNow = daemonNowMs(this.#snapshot, now);
    const alarms = alarmsOf(this.#snapshot.status ?? status, view);
    const alarmsText = JSON.stringify(alarms);
    const isSameView = JSON.stringify(view) === JSON.stringify(this.#state.view);
    const isCameraDown = view.phase === 'cameraLost';
    const cameraSince = alarms.find((alarm) => alarm.kind === 'camera')?.sinceMs ?? this.#snapshot.result?.capturedAtMs;
    this.#set({
      ...patch,
      view: isSameView ? this.#state.view : view,
      alarms: alarmsText === this.#alarmsText ? this.#state.alarms : alarms,
      nowS: daemonNow === null ? this.#state.nowS : Math.floor(daemonNow / 1000),
      cameraDownSinceMs: isCameraDown ? (this.#state.cameraDownSinceMs ?? cameraSince ?? daemonNow) : null,
    });
    this.#alarmsText = alarmsText;
  }

  #set(patch: Partial<ConsoleState>): void {
    const keys = Object.keys(patch) as (keyof ConsoleState)[];
    if (keys.every((key) => Object.is(this.#state[key], patch[key]))) return;
    this.#state = { ...this.#state, ...patch };
    for (const listener of this.#subscribers) listener();
  }
}
