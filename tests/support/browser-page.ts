/** What tests ask of a page, whichever browser shows it: a part of playwright's own `Page`. */
export interface BrowserPage {
  goto(url: string): Promise<unknown>;
  /** Runs a script in the page; what it comes to, awaited, must be data. */
  evaluate<T>(script: string): Promise<T>;
  waitForTimeout(milliseconds: number): Promise<void>;
  close(): Promise<void>;
  /** What nobody caught in the page. */
  on(event: 'pageerror', listener: (error: Error) => void): unknown;
  on(event: 'websocket', listener: (socket: BrowserPageSocket) => void): unknown;
}

/** A WebSocket of a page. */
export interface BrowserPageSocket {
  on(event: 'framesent' | 'framereceived', listener: (frame: { payload: string | Buffer }) => void): unknown;
}

/** A browser that a test has launched. */
export interface LaunchedBrowser {
  newPage(): Promise<BrowserPage>;
  close(): Promise<void>;
}
