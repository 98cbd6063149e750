import { fireEvent, render, screen, waitFor } from "@testing-library/react";
import userEvent from "@testing-library/user-event";
import { ApiError } from "@zmarty/client";
import { beforeEach, expect, it, vi } from "vitest";
import { Player } from "./Player";

const api = vi.hoisted(() => ({ get: vi.fn(), connection: { apiUrl: "https://api.example" } }));
vi.mock("~/api/ApiProvider", () => ({ useApi: () => api }));

const sound = () => document.querySelector("audio") as HTMLAudioElement;
const messages = (audio_url: string | null) => ({ items: [{ id: "m1", audio_url }], next: null });
const GONE = "The recording cannot be played any more.";

beforeEach(() => {
  api.get.mockReset();
  vi.spyOn(HTMLMediaElement.prototype, "play").mockResolvedValue();
  render(<Player conversation="c1" messageId="m1" url="/v1/audio/m1?signed=old" />);
});

it("takes a new link when the old one has ended, and goes on where it was", async () => {
  api.get.mockResolvedValue(messages("/v1/audio/m1?signed=new"));
  await userEvent.click(screen.getByRole("button", { name: "Listen to the answer" }));
  sound().currentTime = 7;
  fireEvent.timeUpdate(sound());
  fireEvent.error(sound());
  await waitFor(() => expect(sound().src).toBe("https://api.example/v1/audio/m1?signed=new"));
  sound().currentTime = 0;
  fireEvent.loadedMetadata(sound());
  expect(sound().currentTime).toBe(7);
  expect(HTMLMediaElement.prototype.play).toHaveBeenCalledTimes(2);
  // The new one fails too: nothing else can be tried.
  fireEvent.error(sound());
  expect(await screen.findByText(GONE)).toBeTruthy();
  expect(api.get).toHaveBeenCalledTimes(1);
});

it("is gone when the message has no recording any more", async () => {
  api.get.mockResolvedValue(messages(null));
  fireEvent.error(sound());
  expect(await screen.findByText(GONE)).toBeTruthy();
});

it("is not gone only because the API is away", async () => {
  api.get.mockRejectedValueOnce(new ApiError("unreachable", "Away.", 0));
  api.get.mockResolvedValue(messages("/v1/audio/m1?signed=new"));
  fireEvent.error(sound());
  await userEvent.click(await screen.findByRole("button", { name: "Try again" }));
  await waitFor(() => expect(sound().src).toContain("signed=new"));
});
