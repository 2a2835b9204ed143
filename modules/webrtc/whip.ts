import type { Core } from '../../core/core.ts';
import type { HttpRoutes } from '../http/contract.ts';
import type { Peers } from './peers.ts';
import { addSignallingRoutes, type EndpointDependencies, type EndpointSettings } from './signalling-routes.ts';

export interface WhipSettings extends Pick<EndpointSettings, 'iceServers'> {
  /** Sites whose pages may publish. */
  readonly origins: readonly string[];
}

export interface WhipDependencies extends Pick<EndpointDependencies, 'core' | 'resources' | 'occupancy'> {
  readonly core: Core;
  readonly routes: HttpRoutes;
  readonly peers: Peers;
}

/** `/whip/NAME`: publishing by one POST. RFC 9725. */
export function mountWhip({ iceServers, origins }: WhipSettings, dependencies: WhipDependencies): void {
  const { core, routes, peers, resources, occupancy } = dependencies;
  const advertises = { protocol: 'whip', direction: 'publish', path: '/whip/NAME' } as const;
  routes.mount('/whip', core.scope, { access: 'public', origins, advertises }, (app) =>
    addSignallingRoutes(
      app,
      { protocol: 'whip', summary: 'Publishes a stream: an offer is answered', iceServers },
      {
        ...{ core, resources, occupancy },
        connect: (offer) => peers.publish({ ...offer, parent: offer.session.scope, label: offer.session.id }),
      },
    ),
  );
}
