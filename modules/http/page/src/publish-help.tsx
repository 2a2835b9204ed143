import { CopyField } from './copy-field.tsx';
import { type LiveStreams, takesWebRtc } from './live-streams.ts';
import { publishHash } from './route.ts';

/** What to do while nothing is live; in short when something is. */
export function PublishHelp({ live, alone }: { live: LiveStreams; alone: boolean }) {
  const addresses = live.publish;
  const fields = addresses.map(({ protocol, url }) => (
    <CopyField key={url} label={protocol.toUpperCase()} text={url.replace('NAME', 'mystream')} />
  ));
  const rtmp = addresses.find(({ protocol }) => protocol.toLowerCase() === 'rtmp')?.url;
  if (!alone) {
    return (
      <details class="addresses publish">
        <summary>Publish a stream</summary>
        {fields}
      </details>
    );
  }
  return (
    <section class="empty">
      <h2>Nothing is live</h2>
      <p>Publish with OBS, ffmpeg or any encoder; the stream shows up here by itself.</p>
      {takesWebRtc(live) && (
        <p class="or">
          Or <a href={publishHash}>publish your camera or screen from this browser</a>.
        </p>
      )}
      {fields}
      {rtmp !== undefined && (
        <CopyField label="ffmpeg" text={`ffmpeg -re -i video.mp4 -c copy -f flv ${rtmp.replace('NAME', 'mystream')}`} />
      )}
      {addresses.length === 0 && <p>No module that takes streams is switched on.</p>}
    </section>
  );
}
