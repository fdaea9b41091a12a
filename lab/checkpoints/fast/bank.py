import sys; from pathlib import Path
from comfyui_longtake.models.prompts.scene import WORLDS
from comfyui_longtake.lab.training.clips import draw_shelf,SIZES
import torch; torch.set_num_threads(1)
w=int(sys.argv[1]); root=Path('/root/tr/dec/clips'); root.mkdir(parents=True,exist_ok=True)
whole=sum(SIZES.values()); n=0
for name,count,test in (("test",48,True),("train",800,False)):
    for size,share in SIZES.items():
        if n%2==w: draw_shelf(root/f"{name}-{size[1]}x{size[0]}",WORLDS['full'],size,max(1,round(count*share/whole)),seed=0,test=test); print(name,size,flush=True)
        n+=1
