/** Above this a VUI's timing is taken for a mistake: some encoders write the clock of their timestamps there. */
const MAX_FRAME_RATE = 1000;

/** Frames a second; undefined when the two numbers make no rate that a camera or a screen has. */
export function plausibleFrameRate(timeScale: number, unitsPerFrame: number): number | undefined {
  if (timeScale === 0 || unitsPerFrame === 0) return undefined;
  const rate = timeScale / unitsPerFrame;
  return rate <= MAX_FRAME_RATE ? rate : undefined;
}
