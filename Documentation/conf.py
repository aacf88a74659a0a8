# SPDX-License-Identifier: GPL-2.0-or-later
#
# Sphinx: "make docs"

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

# Attributes in the kernel's declarations that are not C
c_id_attributes = ['__user', '__iomem']
