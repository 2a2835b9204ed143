import { addSignallingRoutes } from './signalling-routes.ts';
import type { WhipDependencies, WhipSettings } from './whip.ts';

/** `/whep/NAME`: playing by one POST. draft-ietf-wish-whep. */
export function mountWhep({ iceServers, origins }: WhipSettings, dependencies: WhipDependencies): void {
  const { core, routes, peers, resources, occupancy } = dependencies;
  const advertises = { protocol: 'whep', direction: 'play', path: '/whep/NAME' } as const;
  routes.mount('/whep', core.scope, { access: 'public', origins, advertises }, (app) =>
    addSignallingRoutes(
      app,
      { protocol: 'whep', summary: 'Plays a stream: an offer is answered', iceServers },
      {
        ...{ core, resources, occupancy },
        connect: (offer) => peers.play({ ...offer, parent: offer.session.scope, label: offer.session.id }),
      },
    ),
  );
}
