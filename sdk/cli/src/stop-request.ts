/** npm passes a Ctrl-C on that the terminal has already sent: only a later one is a second request. */
const sameRequestMs = 1000;

/** SIGINT, SIGTERM or `request()`, whichever comes first. A second signal, given later, calls `endAtOnce`. */
export class StopRequest {
  readonly requested: Promise<void>;
  private resolve!: () => void;
  private requestedMs: number | null = null;
  private readonly onSignal = () => {
    if (this.requestedMs === null) {
      this.onFirstSignal();
      this.request();
    } else if (performance.now() - this.requestedMs > sameRequestMs) this.endAtOnce();
  };

  /** @param onFirstSignal says what happens now */
  constructor(
    private readonly onFirstSignal: () => void,
    private readonly endAtOnce: () => void,
  ) {
    this.requested = new Promise((resolve) => {
      this.resolve = resolve;
    });
    process.on('SIGINT', this.onSignal).on('SIGTERM', this.onSignal);
  }

  get isRequested(): boolean {
    return this.requestedMs !== null;
  }

  request(): void {
    this.requestedMs ??= performance.now();
    this.resolve();
  }

  dispose(): void {
    process.off('SIGINT', this.onSignal).off('SIGTERM', this.onSignal);
  }
}
