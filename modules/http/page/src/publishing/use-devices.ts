import { useEffect, useState } from 'preact/hooks';

export interface Devices {
  readonly cameras: readonly MediaDeviceInfo[];
  readonly microphones: readonly MediaDeviceInfo[];
}

const nothing: Devices = { cameras: [], microphones: [] };

/** Cameras and microphones. Browsers tell them by name once one of them was permitted: `permitted` asks again. */
export function useDevices(permitted: boolean): Devices {
  const [devices, setDevices] = useState(nothing);
  // biome-ignore lint/correctness/useExhaustiveDependencies: a permission changes what is told
  useEffect(() => {
    const { mediaDevices } = navigator;
    if (mediaDevices === undefined) return;
    const read = async (): Promise<void> => {
      // Where they may not be listed there is nothing to choose from, and the browser's own choice is taken.
      const found = await mediaDevices.enumerateDevices().catch(() => []);
      const named = found.filter(({ deviceId, label }) => deviceId !== '' && label !== '');
      setDevices({
        cameras: named.filter(({ kind }) => kind === 'videoinput'),
        microphones: named.filter(({ kind }) => kind === 'audioinput'),
      });
    };
    mediaDevices.addEventListener('devicechange', read);
    void read();
    return () => mediaDevices.removeEventListener('devicechange', read);
  }, [permitted]);
  return devices;
}
