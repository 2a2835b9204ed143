import { pause } from './server-process.ts';
import { startSwitchyard } from './servers.ts';
import { printTable, quantile, round } from './table.ts';

/** `start [runs]`: from the command to open ports, and resident memory at rest. */
export async function run(options: readonly string[]): Promise<void> {
  const runs = Number(options[0] ?? 5);
  const cpu: number[] = [];
  const wall: number[] = [];
  let resident = 0;
  for (let index = 0; index < runs; index += 1) {
    const began = performance.now();
    const server = await startSwitchyard('start', []);
    wall.push(performance.now() - began);
    cpu.push(server.process.cpuMillis());
    await pause(3);
    resident = server.process.residentMegabytes();
    await server.process.stop();
  }
  for (const values of [cpu, wall]) values.sort((a, b) => a - b);
  printTable('Start-up, all default modules, one core', [
    {
      runs,
      'CPU ms to open ports, median': round(quantile(cpu, 0.5), 0),
      'wall ms to open ports, median': round(quantile(wall, 0.5), 0),
      'RSS MB at rest': round(resident, 0),
    },
  ]);
}
