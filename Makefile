# placeholder: see the commits that follow
