import { createServer } from 'node:net';
import { run } from '../../cli/main.ts';
import { flag, type Infer, listen, section, text } from '../../core/config/schema.ts';
import { listenOn } from '../../core/modules/listen.ts';
import type { AdvertisedUrl, Module } from '../../core/modules/module.ts';
import { demo } from '../../modules/demo/index.ts';

const config = section({
  listen: listen({ port: 0, host: '127.0.0.1' }),
  hang: flag({ default: false, about: 'Never stops.' }),
  crash: flag({ default: false, about: 'Throws where nobody catches.' }),
  note: text({ default: '', about: 'Is logged.' }),
});

/** A module that listens, and misbehaves as it is told. */
const listener: Module<Infer<typeof config>> = {
  name: 'listener',
  about: 'Listens.',
  config,
  configure: (core, settings) => {
    const server = createServer();
    const urls: AdvertisedUrl[] = [];
    return {
      urls,
      start: async () => {
        const port = await listenOn(server, { module: 'listener', ...settings.listen });
        core.scope.defer(() => void server.close());
        urls.push({ protocol: 'listener', direction: 'open', url: `listener://127.0.0.1:${port}` });
        if (settings.note !== '') core.observe.log.info(`noted ${settings.note}`);
        if (settings.crash) process.nextTick(() => Promise.reject(new Error('crashed as told')));
      },
      stop: () => (settings.hang ? new Promise(() => undefined) : Promise.resolve()),
    };
  },
};

await run(process.argv, process.env, { modules: [listener, demo], version: '0.0.0-test' });
