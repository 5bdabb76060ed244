// The page's entry: each panel's script builds it.
import { mount as mountCanvas } from "./canvas.js";
import { mount as mountChat } from "./chat.js";
import { mount as mountTop } from "./top.js";
import { mount as mountTree } from "./tree.js";

const panel = (name) => document.getElementById(`kx-${name}`);

mountTop(panel("top"));
mountChat(panel("chat"));
mountCanvas(panel("canvas"));
mountTree(panel("tree"));
