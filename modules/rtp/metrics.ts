import type { Core } from '../../core/core.ts';

/** What the plane has seen since it started. Plain numbers on the hot paths; read when somebody asks. */
export class RtpCounters {
  players = 0;
  publishers = 0;
  /** Players whose way does not bear what they watch. */
  starved = 0;
  /** Bits a second that the ways to all browsers bear together, as estimated. */
  estimated = 0;
  /** Changes of viewers from one simulcast layer to another. */
  layerChanges = 0;
  bytesOut = 0;
  /** Writes of interleaved media: how well they are merged. */
  writes = 0;
  /** Datagrams of media sent. */
  packetsOut = 0;
  packetsIn = 0;
  bytesIn = 0;
  /** Packets that never came, or came too late. */
  lost = 0;
  reordered = 0;
  duplicates = 0;
  /** What was no packet of RTP or RTCP, or could not be read. */
  malformed = 0;
  /** Packets of a source or payload type that was not agreed on. */
  foreign = 0;
  /** Datagrams from where nobody is expected. */
  strangers = 0;
  /** Units dropped because a part of them was lost. */
  incomplete = 0;
  /** Requests for a key frame sent to publishers. */
  keyframeRequests = 0;
  /** Requests for a key frame that came from players. */
  keyframeWishes = 0;
  /** NACKs that came from players, and packets sent again for them. */
  nacksIn = 0;
  resent = 0;
  /** NACKs sent to publishers, packets that came by retransmission, lost ones that came after all, and those given up. */
  nacksOut = 0;
  retransmissions = 0;
  recovered = 0;
  givenUp = 0;
}

const totals: readonly (readonly [name: string, key: keyof RtpCounters, help: string])[] = [
  ['rtp_sent_bytes_total', 'bytesOut', 'Bytes of RTP sent.'],
  ['rtp_interleaved_writes_total', 'writes', 'Writes of interleaved RTP.'],
  ['rtp_sent_datagrams_total', 'packetsOut', 'Datagrams of RTP sent.'],
  ['rtp_received_packets_total', 'packetsIn', 'RTP packets received.'],
  ['rtp_received_bytes_total', 'bytesIn', 'Bytes of RTP received.'],
  ['rtp_lost_packets_total', 'lost', 'RTP packets that never came.'],
  ['rtp_reordered_packets_total', 'reordered', 'RTP packets that came out of order and were put back.'],
  ['rtp_duplicate_packets_total', 'duplicates', 'RTP packets that came twice or too late.'],
  ['rtp_malformed_packets_total', 'malformed', 'Packets that could not be read as RTP or RTCP.'],
  ['rtp_foreign_packets_total', 'foreign', 'RTP packets of a source or payload type that was not agreed on.'],
  ['rtp_stranger_datagrams_total', 'strangers', 'Datagrams from addresses that nobody is expected at.'],
  ['rtp_incomplete_units_total', 'incomplete', 'Units dropped because a part of them was lost.'],
  ['rtp_keyframe_requests_total', 'keyframeRequests', 'Key frame requests sent to publishers by RTCP.'],
  ['rtp_keyframe_wishes_total', 'keyframeWishes', 'Key frame requests that came from players by RTCP.'],
  ['rtp_layer_changes_total', 'layerChanges', 'Changes of players from one simulcast layer to another.'],
  ['rtp_received_nacks_total', 'nacksIn', 'Requests of players to send packets again.'],
  ['rtp_resent_packets_total', 'resent', 'Packets sent again to players.'],
  ['rtp_sent_nacks_total', 'nacksOut', 'Requests to publishers to send packets again.'],
  ['rtp_retransmitted_packets_total', 'retransmissions', 'Packets that publishers sent again (RTX).'],
  ['rtp_recovered_packets_total', 'recovered', 'Missing packets of publishers that came after a request.'],
  ['rtp_given_up_packets_total', 'givenUp', 'Missing packets of publishers that never came in spite of requests.'],
];

const gauges: readonly (readonly [name: string, key: keyof RtpCounters, help: string])[] = [
  ['rtp_players', 'players', 'Peers that media is sent to by RTP.'],
  ['rtp_estimated_bandwidth_bits', 'estimated', 'What the ways to all browsers bear together, bits a second.'],
  ['rtp_starved_players', 'starved', 'Players whose way does not bear the stream that they watch.'],
  ['rtp_publishers', 'publishers', 'Peers that media is taken from by RTP.'],
];

/** Hands the counters out. */
export function measureRtp(core: Core, counters: RtpCounters): void {
  const { scope, observe } = core;
  for (const [name, key, help] of totals) observe.metrics.counter(scope, { name, help }, () => counters[key]);
  for (const [name, key, help] of gauges) observe.metrics.gauge(scope, { name, help }, () => counters[key]);
}
