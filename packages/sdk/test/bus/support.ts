import type { Envelope, Topic } from "@destiny/sdk/message";

export const said = (topic: Topic.Topic, key: string, index: number): Envelope.Envelope => ({
  id: `${topic.name}/${key}/${index}`,
  source: "test",
  type: "test.said.v1",
  topic: topic.name,
  key,
  time: 1_700_000_000_000,
  sequence: index,
  data: { index },
});
