"""SmartConnect on your own machine, over real HTTP: reached by URL, importing nothing of ours."""
