// Source card: the state of the large source, and what can be done with it.

const byId = (id) => document.getElementById(id);

export class SourceCard {
  constructor(link, live) {
    this.link = link;
    this.live = live;
    this.state = null;
    byId("pause").addEventListener("click", () => this.do(this.isPaused ? "resume" : "pause", { source: live.large }));
    byId("reset").addEventListener("click", () => this.do("reset_tracks", { source: live.large }));
    byId("remove").addEventListener("click", () => this.remove());
    byId("snapshot").addEventListener("click", () => this.save());
    byId("add").addEventListener("submit", (event) => this.add(event));
    byId("detail").addEventListener("input", ({ target }) => (byId("detail-value").textContent = `${target.value} px`));
    byId("detail").addEventListener("change", ({ target }) =>
      this.do("update_source", { settings: { name: live.large, size_px: Number(target.value) } }));
  }

  get source() {
    return this.state?.sources.find((one) => one.source === this.live.large);
  }

  get isPaused() {
    return this.state?.paused?.includes(this.live.large) ?? this.source?.paused ?? false;
  }

  update(state) {
    this.state = state;
    this.show();
  }

  show() {
    const { source, state } = this;
    byId("source-title").textContent = this.live.large ?? "Source";
    byId("facts").replaceChildren(...(source ? facts(source, state) : []));
    byId("pause").textContent = this.isPaused ? "Resume" : "Pause";
    for (const id of ["pause", "reset", "remove", "detail"]) byId(id).disabled = !state?.control || !source;
    byId("snapshot").disabled = !this.live.shot;
    byId("add-box").hidden = !state?.control;
    const size = state?.settings?.[this.live.large]?.size_px;
    if (document.activeElement !== byId("detail")) {
      byId("detail-value").textContent = size ? `${size} px` : "as trained";
      if (size) byId("detail").value = size;
    }
  }

  async do(op, values) {
    byId("source-problem").textContent = "";
    try {
      await this.link.request(op, values);
    } catch (error) {
      byId("source-problem").textContent = error.message;
    }
  }

  remove() {
    if (confirm(`Remove ${this.live.large} from the node? Every subscriber loses it.`)) this.do("remove_source", { source: this.live.large });
  }

  async add(event) {
    event.preventDefault();
    const [name, url] = [byId("add-name").value, byId("add-url").value];
    byId("add-problem").textContent = "";
    try {
      await this.link.request("add_source", { settings: { name, url } });
      byId("add").reset();
      byId("add-box").open = false;
      byId("add-box").querySelector("summary").focus();
    } catch (error) {
      byId("add-problem").textContent = error.message;
    }
  }

  save() {
    if (!this.live.shot) return;
    const { message } = this.live.shot;
    byId("stage").toBlob((blob) => {
      const link = document.createElement("a");
      link.href = URL.createObjectURL(blob);
      link.download = `${message.source}-${message.seq}.png`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    }, "image/png");
  }
}

function facts(source, state) {
  const latency = source.latency_ms ?? {};
  const rows = [
    ["State", source.paused ? "paused" : source.state],
    ["Rate", `${source.fps_in.toFixed(1)} in, ${source.fps_out.toFixed(1)} out a second`],
    ["Delay in the node", latency.p50 === undefined ? "" : `${Math.round(latency.p50)} ms, p95 ${Math.round(latency.p95)} ms`],
    ["Frames left out", source.dropped_total],
    ["Reconnects", source.reconnects],
    ["Stale messages", source.stale_total || ""],
    ["Model", state.model ? `${state.model.name}, ${state.model.dtype}` : ""],
    ["Error", source.error ?? ""],
    ["Warning", source.warning ?? ""],
    ["Ended", source.ended ?? ""],
  ];
  return rows.filter(([, value]) => value !== "").flatMap(([name, value]) => {
    const [title, text] = [document.createElement("dt"), document.createElement("dd")];
    title.textContent = name;
    text.textContent = value;
    if (name === "Error" || name === "Warning") text.className = "wrong";
    return [title, text];
  });
}
