import { readFileSync } from 'node:fs';
import { freemem, loadavg, totalmem } from 'node:os';
import type { Core } from '../../../core/core.ts';
import { SubscriberLagging } from '../../../core/events/catalogue.ts';
import { ServerControl } from '../../../core/modules/server-control.ts';
import { isLayer } from '../../../core/streams/layers.ts';
import type { Stream } from '../../../core/streams/stream.ts';
import { seconds } from '../../../core/time/micros.ts';
import { type MediaSessions, synchronizationOf } from '../streams.ts';

export type Value = number | string;
/** Keys and values of one section; keys carry the section's prefix as in WCS. */
export type Section = Readonly<Record<string, Value>>;
/** By the group's name: `connections_stats`. */
export type Statistics = ReadonlyMap<string, Section>;

/** Protocols whose keys stand there even while nobody uses them: consoles read them as numbers. */
const inward = ['rtmp', 'rtmfp', 'rtsp', 'webrtc', 'sip'];
const outward = ['rtmp', 'rtmfp', 'rtsp', 'webrtc', 'websocket', 'hls', 'sip'];
const connectionKinds = ['rtmp', 'rtmfp', 'rtsp', 'websocket', 'webrtc', 'hls', 'sip'];
/** A viewer that had to jump ahead degrades its stream for so long. */
const degradedFor = seconds(10);
const shortestCpuWindow = seconds(1);

/** Reads the figures of `/?action=stat` (reference g) from what runs. */
export class StatisticsReader {
  readonly #core: Core;
  readonly #media: MediaSessions;
  readonly #laggedAt = new WeakMap<Stream, number>();
  #cpu: { at: number; used: number; percent: number };

  constructor(core: Core, media: MediaSessions) {
    this.#core = core;
    this.#media = media;
    this.#cpu = { at: core.clock.now(), used: cpuMicros(), percent: 0 };
    core.events.on(SubscriberLagging, core.scope, ({ subscription }) => {
      this.#laggedAt.set(subscription.stream, core.clock.now());
    });
  }

  read(): Statistics {
    return new Map<string, Section>([
      ['connections_stats', this.#connections()],
      ['port_stats', this.#ports()],
      ['streams_stats', this.#streams()],
      ['system_stats', this.#system()],
      ['core_stats', this.#coreStats()],
      ['call_stats', this.#calls()],
      ['recording_stats', this.#recordings()],
      ['degraded_stats', this.#degraded()],
    ]);
  }

  /** Renditions by stream, in the form that the console of WCS asks for. */
  readTranscoding(): Record<string, unknown> {
    const info: Record<string, unknown> = {};
    for (const stream of this.#core.streams.all()) {
      const published = stream.findTrack('video');
      const renditions = stream.tracks.filter(
        (track) => track.kind === 'video' && track !== published && !isLayer(track),
      );
      if (renditions.length === 0) continue;
      info[stream.name] = {
        distributors: Object.fromEntries(
          renditions.map(({ id, codec, counters }) => [
            id,
            {
              codec: codec.name,
              resolution: codec.kind === 'video' ? `${codec.width}x${codec.height}` : '',
              queueSize: 0,
              videoGroupsSendStats: `${counters.keyframes}/${counters.units}`,
            },
          ]),
        ),
      };
    }
    return { transcoding_video_full_info: info };
  }

  #connections(): Section {
    const counts = zeros(connectionKinds, (kind) => `connections_${kind}`);
    let connections = 0;
    for (const { protocol, remoteAddress } of this.#core.sessions.all()) {
      if (remoteAddress === '' || remoteAddress === 'local') continue; // one part of this server for another
      connections += 1;
      add(counts, `connections_${kindOf(protocol)}`);
    }
    return { connections, ...counts };
  }

  /** What modules with ports of their own tell in their inspection. */
  #ports(): Section {
    const media = this.#portsOf('rtp');
    const agents = this.#portsOf('cdn');
    return {
      ports_media_free: media.free,
      ports_media_busy: media.busy,
      ports_media_quarantine: media.quarantine,
      ports_wcs_agents_free: agents.free,
      ports_wcs_agents_busy: agents.busy,
      ports_wcs_agents_quarantine: agents.quarantine,
      ports_rest_api_leased: 0,
      ports_rest_api_available: 0,
      ports_rest_api_pending: 0,
    };
  }

  #portsOf(module: string): { free: number; busy: number; quarantine: number } {
    const ports = this.#inspect(module)['ports'] as Record<string, unknown> | undefined;
    const count = (key: string): number => (typeof ports?.[key] === 'number' ? ports[key] : 0);
    return { free: count('free'), busy: count('busy'), quarantine: count('quarantine') };
  }

  #inspect(module: string): Record<string, unknown> {
    const modules = this.#core.services.find(ServerControl)?.inspect().modules ?? [];
    return modules.find((entry) => entry.module === module)?.detail ?? {};
  }

  #streams(): Section {
    const counts: Record<string, number> = {
      ...zeros(inward, (kind) => `streams_${kind}_in`),
      ...zeros(outward, (kind) => `streams_${kind}_out`),
    };
    const packaged = new Set<Stream>();
    for (const { type, holder, stream } of this.#media.all()) {
      const kind = kindOf(holder.carrier);
      if (kind === 'hls') packaged.add(stream);
      // Its viewers share what is packaged once.
      else add(counts, `streams_${kind}_${type === 'publish' ? 'in' : 'out'}`);
    }
    counts['streams_hls_out'] = this.#core.sessions.count('hls');
    const viewers: string[] = [];
    const synchronization: string[] = [];
    for (const stream of this.#core.streams.all()) {
      const name = listName(stream.name);
      viewers.push(`${name}/${stream.viewers}`);
      synchronization.push(`${name}/${synchronizationOf(stream)}`);
    }
    return {
      streams: this.#core.streams.count,
      ...counts,
      streams_hls: packaged.size,
      streams_viewers: viewers.join(';'),
      streams_synchronization: synchronization.join(';'),
    };
  }

  #system(): Section {
    return {
      system_memory_total: totalmem(),
      system_memory_free: freemem(),
      system_load_average: round(loadavg()[0] ?? 0),
      system_java_cpu_usage: this.#cpuPercent(),
    };
  }

  /** CPU of this process in percent of one core, since the last reading that was at least a second ago. */
  #cpuPercent(): number {
    const at = this.#core.clock.now();
    const passed = at - this.#cpu.at;
    if (passed >= shortestCpuWindow) {
      const used = cpuMicros();
      this.#cpu = { at, used, percent: round(((used - this.#cpu.used) * 100) / passed) };
    }
    return this.#cpu.percent;
  }

  #coreStats(): Section {
    const { rss, heapUsed, heapTotal, external } = process.memoryUsage();
    const threads = countThreads();
    return {
      core_threads: threads,
      core_java_threads: threads,
      core_java_threads_blocked: 0,
      core_java_committedMemory: heapTotal,
      core_java_freePhysicalMemorySize: freemem(),
      core_heap_used: heapUsed,
      core_external: external,
      core_resident: rss,
      core_uptime_seconds: Math.floor(process.uptime()),
      core_open_scopes: this.#core.scope.openScopes,
    };
  }

  #calls(): Section {
    const calls = this.#core.sessions.count('sip');
    return { call: calls, calls_sip: calls };
  }

  #recordings(): Section {
    const recordings = this.#inspect('recorder')['recordings'];
    return { recording: typeof recordings === 'number' ? recordings : 0 };
  }

  /** The share of streams without a publisher at the moment, or with a viewer that had to jump ahead of late. */
  #degraded(): Section {
    const now = this.#core.clock.now();
    let degraded = 0;
    for (const stream of this.#core.streams.all()) {
      const laggedAt = this.#laggedAt.get(stream);
      if (stream.state === 'interrupted' || (laggedAt !== undefined && now - laggedAt < degradedFor)) degraded += 1;
    }
    const { count } = this.#core.streams;
    return { degraded_streams: degraded, degraded_streams_percent: count === 0 ? 0 : round((degraded * 100) / count) };
  }
}

function zeros(kinds: readonly string[], key: (kind: string) => string): Record<string, number> {
  return Object.fromEntries(kinds.map((kind) => [key(kind), 0]));
}

/** Browsers signal by WHIP and WHEP; of `rtsp-pull` and `hls-muxer` the protocol counts. */
function kindOf(protocol: string): string {
  if (protocol === 'whip' || protocol === 'whep') return 'webrtc';
  return protocol.split('-', 1)[0] ?? protocol;
}

function add(counts: Record<string, number>, key: string): void {
  counts[key] = (counts[key] ?? 0) + 1;
}

function round(value: number): number {
  return Math.round(value * 100) / 100;
}

function cpuMicros(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** A name cannot break the list that it stands in. */
function listName(name: string): string {
  return name.replace(/[;/=\s]/g, encodeURIComponent);
}

function countThreads(): number {
  try {
    return Number(/^Threads:\s+(\d+)/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? 0);
  } catch {
    // Only Linux tells.
    return 0;
  }
}
