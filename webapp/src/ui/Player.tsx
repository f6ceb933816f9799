import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { type Cast, type CastEvent, parseSize, shortenPauses } from "../player/cast.ts";
import { Playback, SPEEDS } from "../player/playback.ts";
import { clock } from "../state/format.ts";
import { TerminalView } from "../terminal/view.ts";
import { useApp } from "./context.ts";
import { PauseIcon, PlayIcon } from "./icons.tsx";
import { currentTheme } from "./theme.ts";

/** Pauses longer than this are shortened to it, unless the person wants them all. */
const LONGEST_PAUSE_S = 1.5;
const STEP_S = 5;

export function Player({ cast }: { cast: Cast }) {
  const app = useApp();
  const host = useRef<HTMLDivElement>(null);
  const [skipPauses, setSkipPauses] = useState(true);
  const [playing, setPlaying] = useState(false);
  const [position, setPosition] = useState(0);
  const [speed, setSpeed] = useState(1);
  const [whole, setWhole] = useState(false);
  const shortened = useMemo(() => shortenPauses(cast.events, LONGEST_PAUSE_S), [cast]);
  const { view, playback } = useMemo(() => build(cast, shortened, app.settings.value.value), [cast, shortened]);

  useEffect(() => {
    if (!host.current) return;
    const observer = new ResizeObserver(() => view.fit());
    observer.observe(host.current);
    void view.open(host.current).then(() => {
      view.setFixedSize(cast.cols, cast.rows);
      playback.play();
      setPlaying(true);
    });
    return () => {
      observer.disconnect();
      view.dispose();
    };
  }, [view, playback, cast]);

  useEffect(() => {
    if (!playing) return;
    let frame = requestAnimationFrame(function step(now) {
      playback.advance(now);
      setPosition(playback.position);
      if (playback.playing) frame = requestAnimationFrame(step);
      else setPlaying(false);
    });
    return () => cancelAnimationFrame(frame);
  }, [playing, playback]);

  const toggle = () => {
    if (playing) playback.pause();
    else playback.play();
    setPlaying(!playing);
  };
  const seek = (seconds: number) => {
    playback.seek(seconds);
    setPosition(playback.position);
  };
  const changePauses = (skip: boolean) => {
    setSkipPauses(skip);
    playback.retime(skip ? shortened : cast.events);
    setPosition(playback.position);
  };

  return (
    <section class="player" data-testid="player" data-playing={playing}>
      <div class="screen-area">
        <div ref={host} class="terminal-host" data-testid="player-screen" />
      </div>
      <div class="player-controls">
        <button
          type="button"
          class="icon-button"
          aria-label={playing ? "Pause" : "Play"}
          data-testid="player-play"
          onClick={toggle}
        >
          {playing ? <PauseIcon /> : <PlayIcon />}
        </button>
        <input
          type="range"
          class="seek"
          aria-label="Position"
          aria-valuetext={`${clock(position)} of ${clock(playback.duration)}`}
          data-testid="player-seek"
          min={0}
          max={playback.duration}
          step="any"
          value={position}
          onInput={(event) => seek(Number(event.currentTarget.value))}
          onKeyDown={(event) => {
            const step = event.key === "ArrowRight" ? STEP_S : event.key === "ArrowLeft" ? -STEP_S : 0;
            if (step !== 0) {
              event.preventDefault();
              seek(position + step);
            } else if (event.key === " ") {
              event.preventDefault();
              toggle();
            }
          }}
        />
        <span class="numbers dim" data-testid="player-time">
          {clock(position)} / {clock(playback.duration)}
        </span>
        <label class="compact">
          <span class="off-screen">Speed</span>
          <select
            data-testid="player-speed"
            value={String(speed)}
            onChange={(event) => {
              playback.speed = Number(event.currentTarget.value);
              setSpeed(playback.speed);
            }}
          >
            {SPEEDS.map((times) => (
              <option key={times} value={String(times)}>
                {times}×
              </option>
            ))}
          </select>
        </label>
        <label class="compact">
          <input type="checkbox" checked={skipPauses} onChange={(event) => changePauses(event.currentTarget.checked)} />
          <span>Skip pauses</span>
        </label>
        <label class="compact">
          <input
            type="checkbox"
            data-testid="player-whole"
            checked={whole}
            onChange={(event) => {
              view.showWhole(event.currentTarget.checked);
              setWhole(event.currentTarget.checked);
            }}
          />
          <span>Whole screen</span>
        </label>
      </div>
    </section>
  );
}

function build(cast: Cast, events: readonly CastEvent[], settings: { fontSize: number }) {
  const view = new TerminalView({
    fontSize: settings.fontSize,
    theme: currentTheme(),
    readOnly: true,
    screenReader: false,
    blink: false,
  });
  const encoder = new TextEncoder();
  const playback = new Playback(events, {
    reset: () => {
      view.write(encoder.encode("\x1bc"), true);
      view.setFixedSizeInOrder(cast.cols, cast.rows);
    },
    draw: (event) => {
      if (event.kind === "output") view.write(encoder.encode(event.data), true);
      else {
        const size = parseSize(event.data);
        if (size) view.setFixedSizeInOrder(size.cols, size.rows);
      }
    },
  });
  return { view, playback };
}
