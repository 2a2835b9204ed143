import type { Subscription } from '../../core/streams/subscription.ts';
import { ManualClock } from '../../core/time/manual-clock.ts';
import { audioFrame, fakeAac, fakeH264, videoFrame } from '../support/fake-media.ts';
import { TestCore } from '../support/test-core.ts';
import { printTable, type Row, round } from './table.ts';

/** Enough for the compiler to settle, few enough for a thousand subscribers. */
const unitsFor = (subscribers: number): number => (subscribers < 10 ? 100_000 : 3_000);

/** CPU that passing one unit to one subscriber costs, in two ways of reading. Goal: 1 µs. */
export async function run(): Promise<void> {
  const rows: Row[] = [];
  for (const subscribers of [1, 100, 1_000]) {
    for (const way of ['wake', 'pulse'] as const) await measure(Math.min(subscribers, 100), way);
    rows.push({
      subscribers,
      'µs a unit and subscriber, woken for every unit': round(await measure(subscribers, 'wake'), 3),
      'µs a unit and subscriber, drained on a pulse of ten units': round(await measure(subscribers, 'pulse'), 3),
    });
  }
  printTable('Fan-out of the core', rows);
}

async function measure(count: number, way: 'wake' | 'pulse'): Promise<number> {
  const core = new TestCore({ clock: new ManualClock() });
  const h264 = fakeH264();
  const aac = fakeAac();
  const publication = await core.publish('bench');
  const video = publication.addTrack(h264);
  const audio = publication.addTrack(aac);
  video.write(videoFrame(h264, 0));
  const subscriptions = await Promise.all(Array.from({ length: count }, () => core.subscribe('bench')));
  const units = unitsFor(count);
  // Made beforehand: what is measured is the core, not the making of test media.
  const frames = Array.from({ length: units / 2 }, (_, index) => ({
    picture: videoFrame(h264, index + 1, { size: 8 }),
    sound: audioFrame(aac, index + 1),
  }));
  let received = 0;
  const readers =
    way === 'wake' ? subscriptions.map((subscription) => follow(subscription, (more) => (received += more))) : [];
  const before = process.cpuUsage();
  for (let index = 0; index < frames.length; index += 1) {
    const { picture, sound } = frames[index] as (typeof frames)[number];
    video.write(picture);
    audio.write(sound);
    if (way === 'wake') await letReadersRun();
    else if (index % 5 === 4) for (const subscription of subscriptions) received += drain(subscription);
  }
  const spent = process.cpuUsage(before);
  if (way === 'pulse') for (const subscription of subscriptions) received += drain(subscription);
  await publication.scope.close({ code: 'done' });
  await Promise.all(readers);
  await core.close();
  if (received !== count * (units + 1)) throw new Error(`${received} units of ${count * (units + 1)} arrived`);
  return (spent.user + spent.system) / (units * count);
}

async function follow(subscription: Subscription, count: (units: number) => void): Promise<void> {
  while (await subscription.ready()) count(drain(subscription));
}

/** A woken reader runs within few turns of the microtask queue. */
async function letReadersRun(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) await Promise.resolve();
}

function drain(subscription: Subscription): number {
  let count = 0;
  while (subscription.pull() !== undefined) count += 1;
  return count;
}
