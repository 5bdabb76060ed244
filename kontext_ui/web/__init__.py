"""The page. The only package that imports gradio; nothing imports it but ``app.py``."""
