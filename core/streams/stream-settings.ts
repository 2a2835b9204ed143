import { duration, type Infer, integer, number, record, section, size, text } from '../config/schema.ts';

/** The `streams` section of the configuration. */
export const streamsConfig = section({
  cache: section({
    duration: duration({ default: '60s', about: 'Longest group of pictures that is kept for those who join.' }),
    bytes: size({ default: '32MiB', about: 'Largest group of pictures that is kept for those who join.' }),
  }),
  queue: section({
    duration: duration({
      default: '10s',
      about: 'How much media a slow subscriber may lag behind before it jumps ahead.',
    }),
    bytes: size({ default: '16MiB', about: 'How many bytes a slow subscriber may lag behind before it jumps ahead.' }),
  }),
  settle: duration({
    default: '600ms',
    about: 'How long a new stream is given to show all its tracks when the publisher does not announce them.',
  }),
  mediaTimeout: duration({ default: '10s', about: 'How long a subscriber waits for the first media of a stream.' }),
  sourceTimeout: duration({ default: '10s', about: 'How long a subscriber waits for a source to bring a stream.' }),
  sourceLinger: duration({
    default: '10s',
    about: 'How long a source that was started on demand outlives its last viewer.',
  }),
  reconnectGrace: duration({
    default: '5s',
    about:
      'How long a publisher that dropped may take to come back before its viewers are told; 0 ends the stream at once.',
  }),
  drain: duration({ default: '5s', about: 'How long viewers have to read what is left of a stream that has ended.' }),
  keyframeRequestThrottle: duration({
    default: '500ms',
    about: 'Least time between two keyframe requests to one publisher.',
  }),
  keyframeRequestRepeat: duration({ default: '1s', about: 'An unanswered keyframe request is repeated after this.' }),
  maximum: integer({ default: 10_000, minimum: 1, about: 'Most streams at a time.' }),
  standby: record(text({ about: 'The name of the stream that takes over.' }), {
    about:
      'Standby sources: while the stream named by the key has no publisher, the stream or URI named by the value stands in.',
  }),
  renditions: section({
    cores: number({
      default: 0,
      minimum: 0,
      about: 'CPU cores that transcoders may use together; 0 means three quarters of what the host has.',
    }),
    linger: duration({ default: '5s', about: 'How long a rendition outlives its last user.' }),
    startTimeout: duration({ default: '10s', about: 'How long a rendition may take to give its first unit.' }),
    restartDelay: duration({ default: '1s', about: 'Pause before a transcoder that died is restarted, once.' }),
  }),
});

export type StreamSettings = Infer<typeof streamsConfig>;
