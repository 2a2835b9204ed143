/** Of each quarter of a painted picture, as `colours` tells them: red, green, blue and white, line by line. */
export const paintedColours: readonly (readonly [number, number, number])[] = [
  [255, 0, 0],
  [0, 255, 0],
  [0, 0, 255],
  [255, 255, 255],
];

/** Of the tone beside it, Hz. */
export const paintedTone = 700;

/** The same for ffmpeg: inputs of 640 by 360, 25 pictures a second, and of the tone. */
export const paintedInputs: readonly string[] = [
  ...['-f', 'lavfi', '-i'],
  [
    'color=white:size=640x360:rate=25',
    'drawbox=x=0:y=0:w=320:h=180:color=red:t=fill',
    'drawbox=x=320:y=0:w=320:h=180:color=lime:t=fill',
    'drawbox=x=0:y=180:w=320:h=180:color=blue:t=fill',
  ].join(','),
  ...['-f', 'lavfi', '-i', `sine=frequency=${paintedTone}:sample_rate=48000`],
];

/**
 * Functions of a page: `paint` gives a stream of a painted picture of 320 by 240, 25 a second, with a black square that moves in the
 * middle, and a tone; `colours` and `pitch` tell what a video element shows and a stream sounds like.
 */
export const paintedScript = `
function paint() {
  const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 240 });
  const context = canvas.getContext('2d');
  let turn = 0;
  const draw = () => {
    ${JSON.stringify(paintedColours)}.forEach((colour, index) => {
      context.fillStyle = 'rgb(' + colour.join(',') + ')';
      context.fillRect((index % 2) * 160, index < 2 ? 0 : 120, 160, 120);
    });
    turn = (turn + 1) % 20;
    context.fillStyle = 'black';
    context.fillRect(145 + turn, 105 + turn, 10, 10);
  };
  draw();
  const timer = setInterval(draw, 40);
  const sound = new AudioContext();
  const tone = new OscillatorNode(sound, { frequency: ${paintedTone} });
  const out = sound.createMediaStreamDestination();
  tone.connect(out);
  tone.start();
  const stream = new MediaStream([...canvas.captureStream().getTracks(), ...out.stream.getTracks()]);
  return { stream, stop: () => { clearInterval(timer); return sound.close(); } };
}
function colours(video) {
  const canvas = Object.assign(document.createElement('canvas'), { width: video.videoWidth, height: video.videoHeight });
  const context = canvas.getContext('2d');
  context.drawImage(video, 0, 0);
  return [[1, 1], [3, 1], [1, 3], [3, 3]].map(([x, y]) =>
    [...context.getImageData(x * canvas.width / 4, y * canvas.height / 4, 1, 1).data].slice(0, 3));
}
async function pitch(stream) {
  const sound = new AudioContext();
  const analyser = new AnalyserNode(sound, { fftSize: 8192, smoothingTimeConstant: 0 });
  sound.createMediaStreamSource(stream).connect(analyser);
  await new Promise((resolve) => setTimeout(resolve, 500));
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  await sound.close();
  return levels.indexOf(Math.max(...levels)) * sound.sampleRate / analyser.fftSize;
}
`;
