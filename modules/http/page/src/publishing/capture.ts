/** What is to be published. `none`: no sound, or no picture. Devices by the browser's id; '' is its default. */
export interface CaptureSettings {
  readonly source: 'camera' | 'screen';
  readonly camera: string;
  readonly microphone: string;
  /** Lines of the picture that are wished for. */
  readonly lines: number;
}

export const none = 'none';

/** Where browsers give no camera, whatever their user says. */
export function isCaptureForbidden(): boolean {
  return !window.isSecureContext || navigator.mediaDevices === undefined;
}

/** Asks the user for camera, screen and microphone. Throws an Error with a sentence for people. */
export async function capture(settings: CaptureSettings): Promise<MediaStream> {
  const { source, camera, microphone } = settings;
  const sound = microphone === none ? false : { ...chosen(microphone) };
  try {
    if (source === 'screen') return await captureScreen(sound, settings);
    if (camera === none && microphone === none) throw new Error('Choose a camera or a microphone.');
    const video = camera === none ? false : { ...chosen(camera), ...sizeOf(settings) };
    return await navigator.mediaDevices.getUserMedia({ video, audio: sound });
  } catch (error) {
    throw new Error(captureFault(error, settings));
  }
}

/** The screen with its own sound, where the browser gives it; else with the microphone's. */
async function captureScreen(sound: MediaTrackConstraints | false, settings: CaptureSettings): Promise<MediaStream> {
  const media = await navigator.mediaDevices.getDisplayMedia({ video: sizeOf(settings), audio: true });
  if (sound === false || media.getAudioTracks().length > 0) return media;
  try {
    const voice = await navigator.mediaDevices.getUserMedia({ audio: sound });
    for (const track of voice.getAudioTracks()) media.addTrack(track);
    return media;
  } catch (error) {
    release(media);
    throw error;
  }
}

export function release(media: MediaStream): void {
  for (const track of media.getTracks()) track.stop();
}

function chosen(id: string): MediaTrackConstraints {
  return id === '' ? {} : { deviceId: { exact: id } };
}

function sizeOf({ lines }: CaptureSettings): MediaTrackConstraints {
  return { width: { ideal: Math.round((lines * 16) / 9) }, height: { ideal: lines }, frameRate: { ideal: 30 } };
}

/** W3C mediacapture-streams 10.2. */
function captureFault(error: unknown, { source, camera, microphone }: CaptureSettings): string {
  const what = source === 'screen' ? 'screen' : camera === none ? 'microphone' : 'camera';
  const both = source === 'camera' && camera !== none && microphone !== none;
  switch (error instanceof Error ? error.name : '') {
    case 'NotAllowedError':
    case 'SecurityError':
      if (source === 'screen') return 'No screen was chosen, or sharing it is not permitted.';
      return `The browser may not use the ${both ? 'camera or the microphone' : what}. Permit it at the address bar, then start again.`;
    case 'NotFoundError':
      if (!both) return `No ${what} was found.`;
      return 'No camera or no microphone was found. Choose “None” for what is missing.';
    case 'OverconstrainedError':
      return 'The chosen device is not there any more. Choose another one.';
    case 'NotReadableError':
    case 'AbortError':
      return `The ${both ? 'camera or the microphone' : what} cannot be opened: another program may use it.`;
    default:
      return error instanceof Error ? error.message : String(error);
  }
}
