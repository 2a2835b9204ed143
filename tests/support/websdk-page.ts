/** The page of one client: the SDK as it is, and these few functions to drive it and to look at it. */
export const pageSource = `<!doctype html><body><script src="/SDK"></script><script>
const sdk = window.RoomApi === undefined ? Flashphoner : RoomApi.sdk;
const { SESSION_STATUS, STREAM_STATUS, STREAM_EVENT, CONNECTION_QUALITY } = sdk.constants;
sdk.init({ preferredMediaProviders: ['WebRTC', 'MSE'] });
const streams = new Map();
const sessionStatuses = [];
const warnings = [];
const roomEvents = [];
let session;
let echo;
let room;
function begin(options) {
  session = sdk.createSession(options);
  for (const status of ['CONNECTED', 'ESTABLISHED', 'DISCONNECTED', 'FAILED', 'WARN']) {
    session.on(SESSION_STATUS[status], (_session, told) => {
      sessionStatuses.push(status);
      if (status === 'ESTABLISHED') echo = told;
      if (status === 'WARN') warnings.push(_session?.info ?? '');
    });
  }
}
function connect(options) {
  return new Promise((resolve, reject) => {
    begin(options);
    const wait = setInterval(() => {
      if (sessionStatuses.includes('ESTABLISHED')) resolve();
      else if (sessionStatuses.includes('FAILED')) reject(new Error('FAILED'));
      else return;
      clearInterval(wait);
    }, 20);
  });
}
function keep(key, stream, display) {
  const kept = { stream, display, statuses: [], events: [], qualities: [], answered: '' };
  for (const status of ['PUBLISHING', 'PLAYING', 'UNPUBLISHED', 'STOPPED', 'FAILED', 'PENDING', 'NEW']) {
    stream.on(STREAM_STATUS[status], (told) => kept.statuses.push([status, told?.getInfo?.() ?? ''].join(' ').trim()));
  }
  stream.on(STREAM_EVENT, ({ type, payload }) => kept.events.push({ type, payload }));
  stream.on(CONNECTION_QUALITY.UPDATE, (quality) => kept.qualities.push(quality));
  streams.set(key, kept);
  return kept;
}
function newDisplay() {
  const display = document.createElement('div');
  display.style.width = '320px';
  display.style.height = '240px';
  document.body.append(display);
  return display;
}
function open(key, options) {
  const display = newDisplay();
  return keep(key, session.createStream({ display, ...options }), display).stream;
}
const camera = { audio: true, video: { width: 640, height: 480 } };
function publish(key, options) {
  open(key, { constraints: camera, ...options }).publish();
}
function play(key, options) {
  open(key, options).play();
}
function find(key) {
  return streams.get(key).stream;
}
function ask(key, name) {
  const kept = keep(key, session.createStream({ name, display: newDisplay() }), undefined);
  return kept.stream.available().then(() => 'available', () => 'not available: ' + kept.stream.getInfo());
}
function resize(key, width, height) {
  const { display } = streams.get(key);
  return display.querySelector('video').srcObject.getVideoTracks()[0].applyConstraints({ width, height });
}
async function pictureSize(base64) {
  const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
  const picture = await createImageBitmap(new Blob([bytes], { type: 'image/png' }));
  const canvas = new OffscreenCanvas(picture.width, picture.height);
  const context = canvas.getContext('2d');
  context.drawImage(picture, 0, 0);
  const pixels = new Uint32Array(context.getImageData(0, 0, picture.width, picture.height).data.buffer);
  return { width: picture.width, height: picture.height, colours: new Set(pixels).size };
}
function joinRoom(options, name) {
  return new Promise((resolve, reject) => {
    RoomApi.connect(options).on(SESSION_STATUS.ESTABLISHED, (connected) => {
      room = connected.join({ name });
      for (const event of ['JOINED', 'PUBLISHED', 'LEFT']) {
        room.on(RoomApi.events[event], (participant) => roomEvents.push(event + ' ' + participant.name()));
      }
      room.on(RoomApi.events.MESSAGE, ({ from, text }) => roomEvents.push('MESSAGE ' + from.name() + ' ' + text));
      room.on(RoomApi.events.FAILED, (_room, info) => { roomEvents.push('FAILED ' + info); resolve(); });
      room.on(RoomApi.events.STATE, () => {
        roomEvents.push(['STATE', ...room.getParticipants().map((one) => one.name())].join(' '));
        resolve();
      });
    }).on(SESSION_STATUS.FAILED, () => reject(new Error('FAILED')));
  });
}
function participant(name) {
  return room.getParticipants().find((one) => one.name() === name);
}
function publishInRoom(key) {
  const display = newDisplay();
  keep(key, room.publish({ display, constraints: camera }), display);
}
function playInRoom(key, of) {
  const display = newDisplay();
  keep(key, participant(of).getStreams()[0].play(display), display);
}
async function look(key) {
  const { stream, statuses, events, qualities, display } = streams.get(key);
  const video = display?.querySelector('video');
  const told = { statuses, events, qualities, width: video?.videoWidth ?? 0, height: video?.videoHeight ?? 0,
    currentTime: video?.currentTime ?? 0, readyState: video?.readyState ?? 0, tracks: video?.srcObject?.getTracks?.().length ?? 0,
    audioMuted: stream.getAudioState()?.muted, videoMuted: stream.getVideoState()?.muted, name: stream.name(),
    frames: 0, videoBytes: 0, targetBitrate: 0, audioEnergy: 0, audioPackets: 0, protocol: '', resolution: stream.published() ? {} : stream.videoResolution() };
  if (!video?.srcObject) return told;
  // A stream whose peer connection is not there yet never calls back.
  await new Promise((resolve) => {
    stream.getStats((stats) => { readStats(stats, told); resolve(); }, true);
    setTimeout(resolve, 500);
  });
  return told;
}
function readStats(stats, told) {
  for (const type of ['inbound-rtp', 'outbound-rtp']) {
    for (const entry of stats[type] ?? []) {
      const codec = stats.codec?.find(({ id }) => id === entry.codecId)?.mimeType;
      if (entry.kind === 'video') {
        told.videoCodec = codec;
        told.frames += entry.framesDecoded ?? entry.framesEncoded ?? 0;
        told.videoBytes += entry.bytesReceived ?? entry.bytesSent ?? 0;
        told.targetBitrate = entry.targetBitrate ?? 0;
      } else {
        told.audioCodec = codec;
        told.audioEnergy += entry.totalAudioEnergy ?? 0;
        told.audioPackets += entry.packetsReceived ?? entry.packetsSent ?? 0;
      }
    }
  }
  const pair = stats['candidate-pair']?.find(({ nominated, state }) => nominated && state === 'succeeded');
  const remote = stats['remote-candidate']?.find(({ id }) => id === pair?.remoteCandidateId);
  told.protocol = remote?.protocol ?? '';
}
</script>`;
