import { useState } from 'preact/hooks';
import { mimeName } from '../format.ts';
import { none } from './capture.ts';
import { SelectField, TextField } from './fields.tsx';
import { type PublishSettings, videoCodecs } from './publisher.ts';
import { useDevices } from './use-devices.ts';

interface Props {
  readonly isRunning: boolean;
  readonly isPermitted: boolean;
  readonly wantsToken: boolean;
  readonly onStart: (settings: PublishSettings) => void;
  readonly onStop: () => void;
}

const automatic = '';
const bitrates = [0.5, 1, 2.5, 5, 8].map((mega) => [String(mega * 1e6), `${mega} Mbit/s at most`] as const);
const sizes = [
  ['360', '640 × 360'],
  ['720', '1280 × 720'],
  ['1080', '1920 × 1080'],
] as const;

/** Name, devices, codec and bit rate of what is to be published. */
export function PublishForm({ isRunning, isPermitted, wantsToken, onStart, onStop }: Props) {
  const [name, setName] = useState('camera');
  const [source, setSource] = useState<'camera' | 'screen'>('camera');
  const [camera, setCamera] = useState('');
  const [microphone, setMicrophone] = useState('');
  const [lines, setLines] = useState('720');
  const [codec, setCodec] = useState(automatic);
  const [bitrate, setBitrate] = useState(automatic);
  const [token, setToken] = useState('');
  const devices = useDevices(isPermitted);
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    onStart({
      ...{ source, camera, microphone, name: name.trim(), lines: Number(lines) },
      codec: codec === automatic ? undefined : codec,
      bitrate: bitrate === automatic ? undefined : Number(bitrate),
      token: token === '' ? undefined : token,
    });
  };
  return (
    <form class="publish-form" onSubmit={submit}>
      <fieldset disabled={isRunning}>
        <legend class="off-screen">What is published</legend>
        <TextField label="Name" value={name} onChange={setName} required />
        <div class="field" role="radiogroup" aria-label="Source">
          {(['camera', 'screen'] as const).map((each) => (
            <label key={each} class="radio">
              <input type="radio" name="source" checked={source === each} onChange={() => setSource(each)} />
              {each === 'camera' ? 'Camera' : 'Screen'}
            </label>
          ))}
        </div>
        {source === 'camera' && (
          <SelectField label="Camera" value={camera} options={optionsOf(devices.cameras)} onChange={setCamera} />
        )}
        <SelectField
          label="Microphone"
          value={microphone}
          options={optionsOf(devices.microphones)}
          onChange={setMicrophone}
        />
        <SelectField label="Picture" value={lines} options={sizes} onChange={setLines} />
        <SelectField
          label="Video codec"
          value={codec}
          options={[[automatic, 'Automatic'], ...videoCodecs().map((type) => [type, mimeName(type)] as const)]}
          onChange={setCodec}
        />
        <SelectField
          label="Bit rate"
          value={bitrate}
          options={[[automatic, 'Automatic'], ...bitrates]}
          onChange={setBitrate}
        />
        {(wantsToken || token !== '') && (
          <TextField label="Access token" type="password" value={token} onChange={setToken} />
        )}
      </fieldset>
      {/* Two elements, not one that changes: a click on Stop must not submit the form. */}
      {isRunning ? (
        <button key="stop" type="button" class="main-button stop" onClick={onStop}>
          Stop
        </button>
      ) : (
        <button key="start" type="submit" class="main-button">
          Start publishing
        </button>
      )}
    </form>
  );
}

function optionsOf(devices: readonly MediaDeviceInfo[]): readonly (readonly [string, string])[] {
  return [
    ['', 'Default'],
    ...devices
      .filter(({ deviceId }) => deviceId !== 'default')
      .map(({ deviceId, label }) => [deviceId, label] as const),
    [none, 'None'],
  ];
}
