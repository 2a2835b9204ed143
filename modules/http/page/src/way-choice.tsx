import { useId } from 'preact/hooks';
import { type Way, wayNames } from './playing/playback.ts';
import type { Choice } from './playing/player.ts';

interface Props {
  readonly ways: readonly Way[];
  readonly choice: Choice;
  /** What is taken at the moment. */
  readonly way: Way | undefined;
  readonly onChoose: (choice: Choice) => void;
}

/** How the stream comes here: by itself, or as the viewer says. */
export function WayChoice({ ways, choice, way, onChoose }: Props) {
  const id = useId();
  if (ways.length === 0) return null;
  const automatic = way === undefined || choice !== 'automatic' ? 'Automatic' : `Automatic: ${wayNames[way]}`;
  return (
    <span class="way">
      <label for={id}>Played over</label>
      <select id={id} value={choice} onChange={({ currentTarget }) => onChoose(currentTarget.value as Choice)}>
        <option value="automatic">{automatic}</option>
        {ways.map((each) => (
          <option key={each} value={each}>
            {wayNames[each]}
          </option>
        ))}
      </select>
    </span>
  );
}
