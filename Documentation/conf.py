# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sphinx: "make docs", "make man"

project = 'virtio-mmr'
author = 'virtio-mmr maintainers'
copyright = author  # pylint: disable=redefined-builtin

extensions = ['sphinx.ext.graphviz']
root_doc = 'index'
# Options keep their dashes
smartquotes = False

html_theme = 'alabaster'
html_theme_options = {
    'description': 'Legacy guests on transitional MMR virtio functions',
    'page_width': '1100px',
    'sidebar_width': '260px',
    'fixed_sidebar': True,
}
html_show_sourcelink = False
graphviz_output_format = 'svg'

# Page, name, summary, authors, section
man_pages = [('mmrctl', 'mmrctl', 'administer transitional MMR virtio functions', [author], 8)]

# What the kernel's declarations have besides C
c_id_attributes = ['__user', '__iomem']
