// The left column: the conversation above, the composer below.
import { fill, h } from "./dom.js";
import { mount as mountComposer } from "./composer.js";
import { mount as mountConversation } from "./conversation.js";
import { followHead } from "./look.js";

export function mount(root) {
  const conversation = h("div", { class: "kx-conversation", id: "kx-conversation" });
  const composer = h("div", { class: "kx-compose", id: "kx-composer" });
  fill(root, conversation, composer);
  mountConversation(conversation);
  mountComposer(composer);
  followHead();
}
