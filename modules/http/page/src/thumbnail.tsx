import { useEffect, useRef, useState } from 'preact/hooks';

const refreshMs = 10_000;
/** After an answer without a picture: the server makes none, or has no keyframe yet. */
const retryMs = 30_000;

/** A small picture of a stream, asked for while it can be seen, and only then. */
export function Thumbnail({ name }: { readonly name: string }) {
  const frame = useRef<HTMLSpanElement>(null);
  const [picture, setPicture] = useState<string | undefined>(undefined);
  useEffect(() => {
    const element = frame.current;
    return element === null ? undefined : follow(element, name, setPicture);
  }, [name]);
  return (
    <span class="entry-thumbnail" ref={frame} aria-hidden="true">
      {picture !== undefined && <img src={picture} alt="" decoding="async" />}
    </span>
  );
}

/** Loads the picture again and again while `element` is in view and the page is shown; returns how to end that. */
function follow(element: Element, name: string, show: (picture: string | undefined) => void): () => void {
  let inView = false;
  let loading: HTMLImageElement | undefined;
  let timer: number | undefined;
  let dueAt = 0;
  const plan = (): void => {
    clearTimeout(timer);
    if (inView && !document.hidden && loading === undefined) timer = setTimeout(load, Math.max(0, dueAt - Date.now()));
  };
  const done = (after: number, picture: string | undefined): void => {
    loading = undefined;
    dueAt = Date.now() + after;
    show(picture);
    plan();
  };
  const load = (): void => {
    const image = new Image();
    loading = image;
    image.onload = () => done(refreshMs, image.src);
    image.onerror = () => done(retryMs, undefined);
    image.src = `./thumbnails/${encodeURIComponent(name)}.jpg?at=${Date.now()}`;
  };
  const observer = new IntersectionObserver((entries) => {
    inView = entries.at(-1)?.isIntersecting ?? false;
    plan();
  });
  observer.observe(element);
  document.addEventListener('visibilitychange', plan);
  return () => {
    observer.disconnect();
    document.removeEventListener('visibilitychange', plan);
    clearTimeout(timer);
    if (loading !== undefined) loading.onload = loading.onerror = null;
  };
}
