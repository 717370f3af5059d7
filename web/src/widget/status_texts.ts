// The counters of a stream in the corner of its chart, in words; what is zero is not told.
// honeyframe/live_view.py has the same words.

export interface StreamStatus {
  dropped: number;
  rejected: number;
  quarantined: number;
  gaps: number;
  misfits: number;
  missed: number;
  unread: boolean;
  ended: boolean;
  retained?: number;
  ahead?: number;
  late?: number;
  /** What the panes of a chart are called by now: a column that turned out to be text is in the notes alone. */
  panes?: string[];
  notes: string[];
}

const COUNT = new Intl.NumberFormat("en");

export function statusTexts(status: StreamStatus): string[] {
  const told: [number | undefined, string][] = [
    [status.dropped, status.unread ? "dropped unread" : "dropped"],
    [status.rejected, "rejected"],
    [status.quarantined, "quarantined"],
    [status.gaps, status.gaps === 1 ? "connection gap" : "connection gaps"],
    [status.misfits, "misfits"],
    [status.missed, "rows not drawn"],
    [status.retained, "retained, not drawn"],
    [status.ahead, "ahead of the clock"],
    [status.late, "older than the window"],
  ];
  const texts = told.filter(([count]) => count).map(([count, words]) => `${COUNT.format(count ?? 0)} ${words}`);
  return status.ended ? [...texts, "ended"] : texts;
}
