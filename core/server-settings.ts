import { duration, flag, type Infer, optional, path, section } from './config/schema.ts';
import type { SectionPlan } from './config/section-plan.ts';
import type { Module } from './modules/module.ts';
import { logSection } from './observe/log-settings.ts';
import { streamsConfig } from './streams/stream-settings.ts';

export const serverSection = section({
  drain: duration({ default: '5s', about: 'How long a stopping server lets its sessions end in order.' }),
  watch: flag({ default: true, about: 'Whether a change of the configuration file is applied at once.' }),
  data: optional(
    path({
      about:
        "Where the server keeps its certificate and the hash of the administrator's password; the folder data, beside the configuration file or where it was started, when not told.",
    }),
  ),
});
export type ServerSettings = Infer<typeof serverSection>;

/** All sections that the configuration may have: the server's own, then the modules'. */
export function sectionPlans(modules: readonly Module[]): readonly SectionPlan[] {
  return [
    { name: 'server', about: 'The server itself.', schema: serverSection, runs: 'always' },
    { name: 'log', about: logSection.description ?? '', schema: logSection, runs: 'always' },
    { name: 'streams', about: 'Streams: caches, queues, time-outs, standby.', schema: streamsConfig, runs: 'always' },
    ...modules.map(
      (module): SectionPlan => ({
        name: module.name,
        about: module.about,
        schema: module.config,
        runs: module.optIn === true ? 'when-enabled' : 'unless-disabled',
      }),
    ),
  ];
}
