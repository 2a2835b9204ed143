/** Width of a picture whose bar code is the time, its height, and the height of the bars. */
export const clockSize = { width: 640, height: 360, bars: 80 } as const;
/** Bits of the time in ms, the lowest first, and their parity. */
export const clockBits = 20;

/** What a viewer saw and heard: ms from being drawn or sounded to being seen or heard. */
export interface ClockReport {
  readonly video: readonly number[];
  readonly audio: readonly number[];
  readonly unreadable: number;
  readonly freezes: number;
  readonly freezeSeconds: number;
  readonly decoded: number;
  readonly retransmitted: number;
  readonly jitterBufferMillis: number;
  /** Of sound: how long it was held, and how long it should have been. */
  readonly soundBufferMillis: number;
  readonly soundTargetMillis: number;
}

/**
 * Functions of the page, on top of those of `WebRtcBrowser`: pictures of a clock and a beep each second go out; a viewer tells how old
 * is what it sees and hears. The clock is the wall's, of which all programs of a host have the same. Beeps begin at whole seconds of it.
 */
export const clockScript = `
const bits = ${clockBits};
const { width, height, bars } = ${JSON.stringify(clockSize)};
const wall = () => performance.timeOrigin + performance.now();
let audio;
let shift = Infinity;
/** Wall time of a time of the audio's clock, which goes in steps: the least that was seen. */
async function openAudio() {
  audio ??= new AudioContext({ sampleRate: 48000 });
  await audio.resume();
  setInterval(() => { shift = Math.min(shift, wall() - audio.currentTime * 1000); }, 3);
  const ear = 'registerProcessor("ear", class extends AudioWorkletProcessor { constructor() { super(); this.quiet = 0; }' +
    'process([input]) { const samples = input[0]; if (!samples) return true;' +
    'for (let i = 0; i < samples.length; i += 1) { if (Math.abs(samples[i]) < 0.05) this.quiet += 1; else {' +
    'if (this.quiet > 9600) this.port.postMessage((currentFrame + i) / sampleRate); this.quiet = 0; } } return true; } });';
  await audio.audioWorklet.addModule(URL.createObjectURL(new Blob([ear], { type: 'text/javascript' })));
}
const opened = openAudio();
function draw(context) {
  const time = Math.round(wall()) % 2 ** bits;
  let parity = 0;
  for (let bar = 0; bar <= bits; bar += 1) {
    const bit = bar < bits ? (time >> bar) & 1 : parity;
    parity ^= bit;
    context.fillStyle = bit ? '#fff' : '#000';
    context.fillRect((bar * width) / (bits + 1), 0, width / (bits + 1) + 1, bars);
  }
}
async function publishClock(url, codec) {
  await opened;
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  document.body.append(canvas);
  const context = canvas.getContext('2d');
  const media = canvas.captureStream(0);
  const [picture] = media.getVideoTracks();
  let turn = 0;
  setInterval(() => {
    context.fillStyle = 'hsl(' + (turn % 360) + ' 60% 50%)';
    context.fillRect(0, bars, width, height - bars);
    context.fillStyle = '#222';
    context.fillRect((turn * 7) % width, 150, 90, 90);
    turn += 1;
    draw(context);
    picture.requestFrame();
  }, 1000 / 30);
  const out = audio.createMediaStreamDestination();
  const tone = new OscillatorNode(audio, { frequency: 1000 });
  const gate = new GainNode(audio, { gain: 0 });
  tone.connect(gate).connect(out);
  tone.start();
  setTimeout(() => {
    const first = Math.ceil((wall() + 500) / 1000) * 1000;
    for (let second = 0; second < 600; second += 1) {
      const at = (first + second * 1000 - shift) / 1000;
      gate.gain.setValueAtTime(0.8, at);
      gate.gain.setValueAtTime(0, at + 0.1);
    }
  }, 1000);
  const pc = new RTCPeerConnection();
  const sending = new MediaStream([picture, ...out.stream.getAudioTracks()]);
  for (const track of sending.getTracks()) {
    const transceiver = pc.addTransceiver(track, { direction: 'sendonly', streams: [sending] });
    if (track.kind === 'video') prefer(transceiver, codec, RTCRtpSender.getCapabilities('video'));
  }
  return keep({ pc, media: sending, ...(await exchange(pc, url, {})) });
}
function readTime(context) {
  const { data } = context.getImageData(0, bars >> 1, width, 1);
  let time = 0;
  let parity = 0;
  for (let bar = 0; bar <= bits; bar += 1) {
    const bit = data[Math.floor(((bar + 0.5) * width) / (bits + 1)) * 4] > 128 ? 1 : 0;
    if (bar < bits) time += bit * 2 ** bar;
    parity ^= bit;
  }
  return parity === 0 ? time : undefined;
}
async function watchClock(id, seconds) {
  await opened;
  const { pc, element } = peers.get(id);
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const context = canvas.getContext('2d', { willReadFrequently: true });
  const told = { video: [], audio: [], unreadable: 0 };
  let running = true;
  const look = () => {
    const now = wall();
    context.drawImage(element, 0, 0, width, height);
    const time = readTime(context);
    if (time === undefined) told.unreadable += 1;
    else told.video.push((((now - time) % 2 ** bits) + 2 ** bits) % 2 ** bits);
    if (running) element.requestVideoFrameCallback(look);
  };
  element.requestVideoFrameCallback(look);
  const ear = new AudioWorkletNode(audio, 'ear', { numberOfOutputs: 0 });
  ear.port.onmessage = ({ data }) => { told.audio.push((data * 1000 + shift) % 1000); };
  const sounds = element.srcObject.getAudioTracks();
  if (sounds.length > 0) audio.createMediaStreamSource(new MediaStream(sounds)).connect(ear);
  const count = async () => {
    const sums = { freezes: 0, freezeSeconds: 0, decoded: 0, retransmitted: 0, delay: 0, emitted: 0,
      soundDelay: 0, soundTarget: 0, soundEmitted: 0 };
    for (const entry of (await pc.getStats()).values()) {
      if (entry.type === 'inbound-rtp' && entry.kind === 'audio') {
        sums.soundDelay += entry.jitterBufferDelay;
        sums.soundTarget += entry.jitterBufferTargetDelay;
        sums.soundEmitted += entry.jitterBufferEmittedCount;
      }
      if (entry.type !== 'inbound-rtp' || entry.kind !== 'video') continue;
      sums.freezes += entry.freezeCount;
      sums.freezeSeconds += entry.totalFreezesDuration;
      sums.decoded += entry.framesDecoded;
      sums.retransmitted += entry.retransmittedPacketsReceived ?? 0;
      sums.delay += entry.jitterBufferDelay;
      sums.emitted += entry.jitterBufferEmittedCount;
    }
    return sums;
  };
  const before = await count();
  await new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  running = false;
  ear.disconnect();
  const after = await count();
  const grown = (key) => after[key] - before[key];
  return { ...told, freezes: grown('freezes'), freezeSeconds: grown('freezeSeconds'), decoded: grown('decoded'),
    retransmitted: grown('retransmitted'), jitterBufferMillis: (grown('delay') / Math.max(1, grown('emitted'))) * 1000,
    soundBufferMillis: (grown('soundDelay') / Math.max(1, grown('soundEmitted'))) * 1000,
    soundTargetMillis: (grown('soundTarget') / Math.max(1, grown('soundEmitted'))) * 1000 };
}
`;
