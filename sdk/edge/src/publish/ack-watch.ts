/** What the session does about the acknowledgements it saw, or did not see. */
export type AckVerdict =
  /** Nothing special. */
  | 'fine'
  /** Records were lost between broker and MES: send the first window after the acknowledged one again. */
  | 'resend'
  /** The MES has answered to a resend: everything it has not acknowledged may be lost, send it all again. */
  | 'restart';

/** So many acknowledgements that name the same record mean that the one after it is missing, as in TCP (RFC 5681). */
const repeatsOfALoss = 3;

/**
 * Watches how far the MES has come. A reader acknowledges whenever something arrives; when later records arrive and the
 * acknowledged one stays the same, what lies between was lost (Mosquitto drops what a slow reader leaves beyond 1,000
 * messages). When nothing comes at all for the time-out, the MES is away or lost its memory. Times are of one monotonic
 * clock, ms.
 */
export class AckWatch {
  private repeats = 0;
  private isAwaitingAnswer = false;
  private overdue = false;

  constructor(
    private readonly timeoutMs: number,
    private lastMoveMs: number,
  ) {}

  /** No acknowledgement within the time-out, and none since. */
  get isOverdue(): boolean {
    return this.overdue;
  }

  /** The acknowledged record is a later one than before. */
  onMoved(nowMs: number): AckVerdict {
    const wasAwaitingAnswer = this.isAwaitingAnswer;
    this.lastMoveMs = nowMs;
    this.repeats = 0;
    this.isAwaitingAnswer = false;
    this.overdue = false;
    return wasAwaitingAnswer ? 'restart' : 'fine';
  }

  /** The acknowledged record is the same as before although the broker took later ones. */
  onRepeated(): AckVerdict {
    if (this.isAwaitingAnswer || ++this.repeats < repeatsOfALoss) return 'fine';
    this.isAwaitingAnswer = true;
    return 'resend';
  }

  /** @param isWaiting the broker took records that the MES has not acknowledged */
  onTick(nowMs: number, isWaiting: boolean): AckVerdict {
    if (!isWaiting) this.lastMoveMs = nowMs;
    if (nowMs - this.lastMoveMs < this.timeoutMs) return 'fine';
    this.lastMoveMs = nowMs;
    this.repeats = 0;
    this.isAwaitingAnswer = true;
    this.overdue = true;
    return 'resend';
  }
}
