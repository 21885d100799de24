// Looks at the server that neither pile up nor starve one another.

export interface Paced {
  /** Looks at once, or as soon as the look under way has ended. */
  now(): void;
  /** Looks after a rest, together with all who ask meanwhile. */
  soon(): void;
}

/** Runs `work` one at a time, after a rest of `ms` where it is asked for by changes. A look that is
 * under way is let finish: where things change faster than they are looked at, one that gave way
 * to the next would never come to be seen. */
export function paced(ms: number, work: () => Promise<void>): Paced {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isRunning = false;
  let again = false;
  const now = (): void => {
    if (isRunning) {
      again = true;
      return;
    }
    clearTimeout(timer);
    timer = undefined;
    isRunning = true;
    void work().finally(() => {
      isRunning = false;
      if (again) {
        again = false;
        soon();
      }
    });
  };
  const soon = (): void => {
    if (isRunning) again = true;
    else timer ??= setTimeout(now, ms);
  };
  return { now, soon };
}
