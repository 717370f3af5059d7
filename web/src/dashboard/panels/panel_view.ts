/** What is within a panel's frame. */
export interface PanelView {
  /** Draws what has come; a few times a second. */
  update(): void;
  destroy(): void;
  /** Holds the picture still; those without it are not updated meanwhile. */
  pause?(paused: boolean): void;
  /** The theme is another. */
  recolour?(): void;
}
