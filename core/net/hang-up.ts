import type { Socket } from 'node:net';
import type { Clock } from '../time/clock.ts';
import { seconds } from '../time/micros.ts';

/** How long a peer may take to read our last words. */
const farewell = seconds(2);

/** Ends a connection, for us at once: what was written is still sent, and the peer's goodbye awaited, for a while. */
export function hangUp(socket: Socket, clock: Clock): void {
  if (socket.destroyed) return;
  if (!socket.writable) {
    socket.destroy();
    return;
  }
  socket.end();
  const cancel = clock.after(farewell, () => socket.destroy());
  socket.once('close', cancel);
  // What still comes is read and forgotten, so that the peer's goodbye is seen.
  socket.resume();
}
