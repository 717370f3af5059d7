/** What is within a panel's frame. */
export interface PanelView {
  /** Draws what has come; a few times a second. */
  update(): void;
  destroy(): void;
  /** Buttons of its own, for the frame. */
  readonly tools?: readonly HTMLElement[];
  /** Holds the picture still; those without it are not updated meanwhile. */
  pause?(paused: boolean): void;
}
