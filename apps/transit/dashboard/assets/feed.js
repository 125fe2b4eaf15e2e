// The stream of server-sent events, kept open: says how the connection is, and comes back when it breaks.
//
// The browser reconnects by itself after a broken connection, but not after a refusal, and it does not notice a server
// that has gone silent. This does both.

const SILENCE_MS = 16_000; // three signs of life missed
const RETRY_MS = 2_000;

/** Watches `url`; `on` has the handlers `snapshot`, `delta` and `state`. */
export class Feed {
  constructor(url, on) {
    this.url = url;
    this.on = on;
    this.everLive = false;
    this.open();
    // A page that is put aside must not hold a connection, and one that comes back must not show old things as live.
    addEventListener("pagehide", () => this.close());
    addEventListener("pageshow", (event) => event.persisted && this.open());
  }

  open() {
    this.close();
    this.on.state(this.everLive ? "reconnecting" : "connecting");
    this.source = new EventSource(this.url);
    this.source.addEventListener("snapshot", (event) => {
      this.everLive = true;
      this.heard();
      this.on.snapshot(JSON.parse(event.data));
      this.on.state("live");
    });
    this.source.addEventListener("delta", (event) => {
      this.heard();
      this.on.delta(JSON.parse(event.data));
    });
    this.source.addEventListener("beat", () => this.heard());
    this.source.addEventListener("error", () => this.broken());
    this.heard();
  }

  close() {
    clearTimeout(this.alarm);
    this.source?.close();
  }

  heard() {
    this.again(SILENCE_MS);
  }

  broken() {
    this.on.state(this.everLive ? "reconnecting" : "connecting");
    if (this.source.readyState === EventSource.CLOSED) this.again(RETRY_MS);
  }

  again(afterMs) {
    clearTimeout(this.alarm);
    this.alarm = setTimeout(() => this.open(), afterMs);
  }
}
