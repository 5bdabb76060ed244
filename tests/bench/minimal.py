"""The layout of the official Kontext Space, as small as it can be: an image in, a slider out, the same stub."""

import os

import gradio as gr

from tests.bench.stub import invert


def edit(image, prompt):
    made = invert(image)
    made[0, 0, 0] = hash(prompt) % 256  # a new picture every time, or its cached address would not change
    return image, made


with gr.Blocks() as page:
    image = gr.Image(elem_id="in")
    prompt = gr.Textbox(elem_id="prompt")
    button = gr.Button("Run", elem_id="run")
    slider = gr.ImageSlider(elem_id="out")
    button.click(edit, [image, prompt], slider)

if __name__ == "__main__":
    page.launch(server_port=int(os.environ["PORT"]), quiet=True, prevent_thread_lock=True)
    print(f"The editor is at {page.local_url} ", flush=True)
    page.block_thread()
