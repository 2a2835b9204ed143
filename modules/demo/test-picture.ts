import type { DemoConfig } from './config.ts';

/**
 * The arguments for ffmpeg: a moving picture with a running clock, a tone with a beep on each full second, H.264
 * baseline without B-frames and AAC, as FLV to `url`.
 */
export function testPictureArguments(config: DemoConfig, url: string, withClock: boolean): string[] {
  const { width, height, frameRate, videoBitrate } = config;
  const size = Math.round(height / 12);
  // testsrc2 shows frame number and time itself; the wall clock is what lets people see the delay.
  const clock = `drawtext=text='%{localtime\\:%H\\\\\\:%M\\\\\\:%S} %{pts\\:hms}':fontcolor=white:fontsize=${size}:box=1:boxcolor=black@0.6:boxborderw=8:x=(w-tw)/2:y=h-th*2`;
  const picture = [
    `testsrc2=size=${width}x${height}:rate=${frameRate}`,
    ...(withClock ? [clock] : []),
    'format=yuv420p',
  ];
  return [
    ...['-hide_banner', '-nostdin', '-loglevel', 'error'],
    ...['-re', '-f', 'lavfi', '-i', picture.join(',')],
    ...['-re', '-f', 'lavfi', '-i', 'sine=frequency=330:beep_factor=4:sample_rate=48000'],
    ...['-c:v', 'libx264', '-profile:v', 'baseline', '-preset', 'veryfast', '-tune', 'zerolatency'],
    ...['-g', String(frameRate), '-keyint_min', String(frameRate), '-sc_threshold', '0'],
    ...['-b:v', `${videoBitrate}k`, '-maxrate', `${videoBitrate}k`, '-bufsize', `${videoBitrate}k`],
    ...['-c:a', 'aac', '-b:a', '128k', '-ac', '2'],
    ...['-f', 'flv', '-flvflags', 'no_duration_filesize', url],
  ];
}
