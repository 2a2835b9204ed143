import { type Browser, chromium } from 'playwright-core';
import type { LaunchedBrowser } from './browser-page.ts';

/** For all: no window, root may start it, sound without a click, and no calls home, which a closed network answers slowly. */
const common = [
  '--headless=new',
  '--no-sandbox',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
/** A camera and a microphone that need no permission, and candidates that a server on this host reaches. */
const media = [
  '--use-fake-device-for-media-stream',
  '--use-fake-ui-for-media-stream',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
  '--allow-loopback-in-peer-connection',
];

/** Debian's Chromium, headless. `peers`: with a fake camera, for WebRTC. */
export function launchChromium(options: { peers?: boolean; more?: readonly string[] } = {}): Promise<Browser> {
  const { peers = false, more = [] } = options;
  return chromium.launch({
    executablePath: '/usr/bin/chromium',
    headless: false, // playwright's own flag would choose the old headless mode
    args: [...common, ...(peers ? media : []), ...more],
  });
}

/** The same with a fake camera, for WebRTC. */
export function launchChromiumPeer(): Promise<LaunchedBrowser> {
  return launchChromium({ peers: true });
}
