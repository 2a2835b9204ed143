import { duration, type Infer, integer, portRange, section } from '../../core/config/schema.ts';

/** The `rtp` section of the configuration. */
export const rtpConfig = section({
  ports: portRange({ default: '31000-31999', about: 'UDP ports for media.' }),
  merge: duration({
    default: '40ms',
    maximum: '2s',
    about:
      'The longest time for which interleaved media may be held back to be written at once. It is only used up when the process is busy; 0 never merges.',
  }),
  reorder: duration({
    default: '60ms',
    maximum: '2s',
    about: 'How long a missing datagram is waited for before its unit is given up and a key frame asked for.',
  }),
  latchWindow: duration({
    default: '10s',
    maximum: '60s',
    about: 'How long after its coming a peer behind a translator (NAT) may show its real ports, once.',
  }),
  unitPackets: integer({
    default: 4_096,
    minimum: 16,
    maximum: 65_535,
    about: 'Most packets of one unit that are taken from a publisher.',
  }),
});

export type RtpConfig = Infer<typeof rtpConfig>;
