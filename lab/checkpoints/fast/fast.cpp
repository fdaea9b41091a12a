#include <torch/extension.h>
#include <immintrin.h>
#include <vector>
using at::Tensor; typedef uint16_t u16;
constexpr int D=384, NV=24, H=6;
static inline __m512 ld(const u16*p){return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_loadu_si256((const __m256i*)p)),16));}
static inline void st(u16*p,__m512 v){_mm256_storeu_si256((__m256i*)p,(__m256i)_mm512_cvtneps_pbh(v));}
static inline __m512 ldm(const u16*p,__mmask16 k){return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(_mm256_maskz_loadu_epi16(k,p)),16));}
static inline void stm(u16*p,__m512 v,__mmask16 k){_mm256_mask_storeu_epi16(p,k,(__m256i)_mm512_cvtneps_pbh(v));}
static inline __m512 expo(__m512 x){ // exp, |x|<88
  const __m512 l2e=_mm512_set1_ps(1.44269504f);
  __m512 t=_mm512_mul_ps(_mm512_max_ps(_mm512_min_ps(x,_mm512_set1_ps(80.f)),_mm512_set1_ps(-80.f)),l2e);
  __m512 n=_mm512_roundscale_ps(t,0); __m512 f=_mm512_sub_ps(t,n);
  __m512 p=_mm512_set1_ps(1.33335581e-3f);
  p=_mm512_fmadd_ps(p,f,_mm512_set1_ps(9.61812910e-3f));
  p=_mm512_fmadd_ps(p,f,_mm512_set1_ps(5.55041086e-2f));
  p=_mm512_fmadd_ps(p,f,_mm512_set1_ps(2.40226507e-1f));
  p=_mm512_fmadd_ps(p,f,_mm512_set1_ps(6.93147182e-1f));
  p=_mm512_fmadd_ps(p,f,_mm512_set1_ps(1.f));
  return _mm512_scalef_ps(p,n);
}
static u16* P(const Tensor&t){return (u16*)t.data_ptr();}
static const __m512 one=_mm512_set1_ps(1.f);

// y = LN(x)*(1+scale)+shift ; rows M, frames of S rows
static void ln_mod(const u16*x,const u16*mod,int ldm_,int oshift,int oscale,u16*y,float*mean,float*rstd,int64_t M,int S){
  for(int64_t m=0;m<M;m++){ const u16*r=x+m*D; const u16*md=mod+(m/S)*ldm_; __m512 v[NV]; __m512 s=_mm512_setzero_ps();
    for(int i=0;i<NV;i++){v[i]=ld(r+16*i); s=_mm512_add_ps(s,v[i]);}
    float mu=_mm512_reduce_add_ps(s)/D; __m512 vm=_mm512_set1_ps(mu), q=_mm512_setzero_ps();
    for(int i=0;i<NV;i++){v[i]=_mm512_sub_ps(v[i],vm); q=_mm512_fmadd_ps(v[i],v[i],q);}
    float rs=1.f/std::sqrt(_mm512_reduce_add_ps(q)/D+1e-5f); __m512 vr=_mm512_set1_ps(rs); mean[m]=mu; rstd[m]=rs;
    u16*o=y+m*D;
    for(int i=0;i<NV;i++){ __m512 a=_mm512_mul_ps(v[i],vr); a=_mm512_fmadd_ps(a,_mm512_add_ps(one,ld(md+oscale+16*i)),ld(md+oshift+16*i)); st(o+16*i,a);}
  }}
// dx = g + LN backward ; accumulates dmod (float [F, 3D]: shift, scale, gate)
static void ln_mod_bwd(const u16*dy,const u16*x,const float*mean,const float*rstd,const u16*mod,int ldm_,int oscale,const u16*g,u16*dx,float*dmod,int64_t M,int S){
  for(int64_t m=0;m<M;m++){ int64_t f=m/S; const u16*md=mod+f*ldm_+oscale; float*ds=dmod+f*3*D,*dc=ds+D; const u16*r=x+m*D,*e=dy+m*D;
    __m512 vm=_mm512_set1_ps(mean[m]),vr=_mm512_set1_ps(rstd[m]),c1=_mm512_setzero_ps(),c2=c1;
    for(int i=0;i<NV;i++){ __m512 xh=_mm512_mul_ps(_mm512_sub_ps(ld(r+16*i),vm),vr),d=ld(e+16*i);
      _mm512_storeu_ps(ds+16*i,_mm512_add_ps(_mm512_loadu_ps(ds+16*i),d));
      _mm512_storeu_ps(dc+16*i,_mm512_fmadd_ps(d,xh,_mm512_loadu_ps(dc+16*i)));
      d=_mm512_mul_ps(d,_mm512_add_ps(one,ld(md+16*i))); c1=_mm512_add_ps(c1,d); c2=_mm512_fmadd_ps(d,xh,c2);}
    __m512 a1=_mm512_set1_ps(_mm512_reduce_add_ps(c1)/D),a2=_mm512_set1_ps(_mm512_reduce_add_ps(c2)/D); const u16*gg=g+m*D; u16*o=dx+m*D;
    for(int i=0;i<NV;i++){ __m512 xh=_mm512_mul_ps(_mm512_sub_ps(ld(r+16*i),vm),vr),d=_mm512_mul_ps(ld(e+16*i),_mm512_add_ps(one,ld(md+16*i)));
      d=_mm512_sub_ps(_mm512_sub_ps(d,a1),_mm512_mul_ps(xh,a2)); st(o+16*i,_mm512_fmadd_ps(d,vr,ld(gg+16*i)));}
  }}
// p += bias ; y = x + (1+gate)*p
static void gate_add(const u16*x,u16*p,const u16*bias,const u16*mod,int ldm_,int ogate,u16*y,int64_t M,int S){
  for(int64_t m=0;m<M;m++){ const u16*md=mod+(m/S)*ldm_+ogate; 
    for(int i=0;i<NV;i++){ int64_t k=m*D+16*i; __m512 a=_mm512_add_ps(ld(p+k),ld(bias+16*i)); st(p+k,a); st(y+k,_mm512_fmadd_ps(a,_mm512_add_ps(one,ld(md+16*i)),ld(x+k)));}}}
static void gate_bwd(const u16*g,const u16*p,const u16*mod,int ldm_,int ogate,u16*dp,float*dmod,float*dbias,int64_t M,int S){
  for(int64_t m=0;m<M;m++){ int64_t f=m/S; const u16*md=mod+f*ldm_+ogate; float*dg=dmod+f*3*D+2*D;
    for(int i=0;i<NV;i++){ int64_t k=m*D+16*i; __m512 a=ld(g+k); _mm512_storeu_ps(dg+16*i,_mm512_fmadd_ps(a,ld(p+k),_mm512_loadu_ps(dg+16*i)));
      a=_mm512_mul_ps(a,_mm512_add_ps(one,ld(md+16*i))); st(dp+k,a); _mm512_storeu_ps(dbias+16*i,_mm512_add_ps(_mm512_loadu_ps(dbias+16*i),a));}}}
static inline void norm64(const u16*p,__m512*v,float&rs){ __m512 s=_mm512_setzero_ps(),q=s; for(int i=0;i<4;i++){v[i]=ld(p+16*i);s=_mm512_add_ps(s,v[i]);}
  __m512 mu=_mm512_set1_ps(_mm512_reduce_add_ps(s)/64); for(int i=0;i<4;i++){v[i]=_mm512_sub_ps(v[i],mu);q=_mm512_fmadd_ps(v[i],v[i],q);}
  rs=1.f/std::sqrt(_mm512_reduce_add_ps(q)/64+1e-5f); __m512 r=_mm512_set1_ps(rs); for(int i=0;i<4;i++)v[i]=_mm512_mul_ps(v[i],r);}
static void split_rope(const u16*qkv,const u16*wq,const u16*wk,const u16*cs,const u16*sn,u16*q,u16*k,u16*v,int64_t B,int64_t N){
  for(int64_t b=0;b<B;b++)for(int64_t n=0;n<N;n++){ const u16*r=qkv+(b*N+n)*3*D; __m512 c0=ld(cs+(b*N+n)*32),c1=ld(cs+(b*N+n)*32+16),s0=ld(sn+(b*N+n)*32),s1=ld(sn+(b*N+n)*32+16);
    for(int h=0;h<H;h++){ int64_t o=((b*H+h)*N+n)*64; float rs;
      for(int w=0;w<2;w++){ __m512 x[4]; norm64(r+w*D+h*64,x,rs); const u16*ww=w?wk:wq; for(int i=0;i<4;i++)x[i]=_mm512_mul_ps(x[i],ld(ww+16*i));
        __m512 z=_mm512_set1_ps(w?1.f:0.125f); u16*d=(w?k:q)+o;
        st(d,_mm512_mul_ps(z,_mm512_fmsub_ps(x[0],c0,_mm512_mul_ps(x[2],s0)))); st(d+16,_mm512_mul_ps(z,_mm512_fmsub_ps(x[1],c1,_mm512_mul_ps(x[3],s1))));
        st(d+32,_mm512_mul_ps(z,_mm512_fmadd_ps(x[2],c0,_mm512_mul_ps(x[0],s0)))); st(d+48,_mm512_mul_ps(z,_mm512_fmadd_ps(x[3],c1,_mm512_mul_ps(x[1],s1))));}
      memcpy(v+o,r+2*D+h*64,128);}}}
static void split_rope_bwd(const u16*dq,const u16*dk,const u16*dv,const u16*qkv,const u16*wq,const u16*wk,const u16*cs,const u16*sn,u16*out,float*dwq,float*dwk,int64_t B,int64_t N){
  for(int64_t b=0;b<B;b++)for(int64_t n=0;n<N;n++){ const u16*r=qkv+(b*N+n)*3*D; u16*e=out+(b*N+n)*3*D; __m512 c0=ld(cs+(b*N+n)*32),c1=ld(cs+(b*N+n)*32+16),s0=ld(sn+(b*N+n)*32),s1=ld(sn+(b*N+n)*32+16);
    for(int h=0;h<H;h++){ int64_t o=((b*H+h)*N+n)*64; float rs;
      for(int w=0;w<2;w++){ __m512 x[4],d[4],g[4]; norm64(r+w*D+h*64,x,rs); const u16*ww=w?wk:wq; const u16*s=(w?dk:dq)+o; float*dw=w?dwk:dwq; __m512 z=_mm512_set1_ps(w?1.f:0.125f);
        for(int i=0;i<4;i++)g[i]=_mm512_mul_ps(z,ld(s+16*i));
        d[0]=_mm512_fmadd_ps(g[0],c0,_mm512_mul_ps(g[2],s0)); d[1]=_mm512_fmadd_ps(g[1],c1,_mm512_mul_ps(g[3],s1));
        d[2]=_mm512_fmsub_ps(g[2],c0,_mm512_mul_ps(g[0],s0)); d[3]=_mm512_fmsub_ps(g[3],c1,_mm512_mul_ps(g[1],s1));
        __m512 m1=_mm512_setzero_ps(),m2=m1;
        for(int i=0;i<4;i++){ _mm512_storeu_ps(dw+16*i,_mm512_fmadd_ps(d[i],x[i],_mm512_loadu_ps(dw+16*i))); d[i]=_mm512_mul_ps(d[i],ld(ww+16*i)); m1=_mm512_add_ps(m1,d[i]); m2=_mm512_fmadd_ps(d[i],x[i],m2);}
        __m512 a1=_mm512_set1_ps(_mm512_reduce_add_ps(m1)/64),a2=_mm512_set1_ps(_mm512_reduce_add_ps(m2)/64),vr=_mm512_set1_ps(rs); u16*t=e+w*D+h*64;
        for(int i=0;i<4;i++)st(t+16*i,_mm512_mul_ps(vr,_mm512_sub_ps(_mm512_sub_ps(d[i],a1),_mm512_mul_ps(x[i],a2))));}
      memcpy(e+2*D+h*64,dv+o,128);}}}
static void exp_rows(u16*s,float*sum,int64_t R,int64_t N){ for(int64_t r=0;r<R;r++){ u16*p=s+r*N; __m512 a=_mm512_setzero_ps(); int64_t i=0;
    for(;i+16<=N;i+=16){__m512 e=expo(ld(p+i)); a=_mm512_add_ps(a,e); st(p+i,e);}
    if(i<N){__mmask16 k=(1u<<(N-i))-1; __m512 e=_mm512_maskz_mov_ps(k,expo(ldm(p+i,k))); a=_mm512_add_ps(a,e); stm(p+i,e,k);}
    sum[r]=_mm512_reduce_add_ps(a);}}
static void ds_rows(u16*s,u16*dp,const float*sum,const float*delta,int64_t R,int64_t N){ for(int64_t r=0;r<R;r++){ u16*p=s+r*N,*q=dp+r*N; __m512 inv=_mm512_set1_ps(1.f/sum[r]),dl=_mm512_set1_ps(delta[r]); int64_t i=0;
    for(;i+16<=N;i+=16){__m512 e=_mm512_mul_ps(inv,expo(ld(p+i))); st(p+i,e); st(q+i,_mm512_mul_ps(e,_mm512_sub_ps(ld(q+i),dl)));}
    if(i<N){__mmask16 k=(1u<<(N-i))-1; __m512 e=_mm512_mul_ps(inv,expo(ldm(p+i,k))); stm(p+i,e,k); stm(q+i,_mm512_mul_ps(e,_mm512_sub_ps(ldm(q+i,k),dl)),k);}}}

static int64_t group(int64_t N,int64_t BH){ int64_t g=std::max<int64_t>(1,300000/(N*N)); return std::min(g,BH);}
// x [M,D], mod [F,6D] (with the block's bias), returns y and what the backward needs
std::vector<Tensor> attn_fwd(Tensor x,Tensor mod,int64_t off,Tensor Wqkv,Tensor wq,Tensor wk,Tensor Wp,Tensor bp,Tensor cs,Tensor sn,int64_t B,int64_t S){
  at::AutoDispatchBelowADInplaceOrView guard; py::gil_scoped_release nogil;
  int64_t M=x.size(0),N=M/B,BH=B*H; auto o=x.options(),of=o.dtype(at::kFloat);
  Tensor y=at::empty({M,D},o),mean=at::empty({M},of),rstd=at::empty({M},of);
  ln_mod(P(x),P(mod),3*D,off*D,(off+1)*D,P(y),mean.data_ptr<float>(),rstd.data_ptr<float>(),M,S);
  Tensor qkv=at::mm(y,Wqkv.t());
  Tensor q=at::empty({BH,N,64},o),k=at::empty({BH,N,64},o),v=at::empty({BH,N,64},o),out=at::empty({M,D},o),sum=at::empty({BH,N},of);
  split_rope(P(qkv),P(wq),P(wk),P(cs),P(sn),P(q),P(k),P(v),B,N);
  int64_t g=group(N,BH); 
  for(int64_t i=0;i<BH;i+=g){ int64_t n=std::min(g,BH-i); Tensor s=at::bmm(q.narrow(0,i,n),k.narrow(0,i,n).transpose(1,2)); float*sm=sum.data_ptr<float>()+i*N;
    exp_rows(P(s),sm,n*N,N); Tensor ov=at::bmm(s,v.narrow(0,i,n)); const u16*src=P(ov);
    for(int64_t j=0;j<n;j++){int64_t b=(i+j)/H,h=(i+j)%H; for(int64_t t=0;t<N;t++){ __m512 z=_mm512_set1_ps(1.f/sm[j*N+t]); u16*d=P(out)+(b*N+t)*D+h*64; const u16*c=src+(j*N+t)*64; for(int u=0;u<4;u++)st(d+16*u,_mm512_mul_ps(z,ld(c+16*u)));}}}
  Tensor p=at::mm(out,Wp.t()),res=at::empty({M,D},o);
  gate_add(P(x),P(p),P(bp),P(mod),3*D,(off+2)*D,P(res),M,S);
  return {res,y,mean,rstd,qkv,q,k,v,out,sum,p};
}
std::vector<Tensor> attn_bwd(Tensor g,Tensor x,Tensor mod,int64_t off,Tensor Wqkv,Tensor wq,Tensor wk,Tensor Wp,Tensor cs,Tensor sn,int64_t B,int64_t S,
   Tensor y,Tensor mean,Tensor rstd,Tensor qkv,Tensor q,Tensor k,Tensor v,Tensor out,Tensor sum,Tensor p){
  at::AutoDispatchBelowADInplaceOrView guard; py::gil_scoped_release nogil;
  int64_t M=x.size(0),N=M/B,BH=B*H,F=M/S; auto o=x.options(),of=o.dtype(at::kFloat);
  Tensor dmod=at::zeros({F,3*D},of),dbp=at::zeros({D},of),dp=at::empty({M,D},o),dwq=at::zeros({64},of),dwk=at::zeros({64},of);
  gate_bwd(P(g),P(p),P(mod),3*D,(off+2)*D,P(dp),dmod.data_ptr<float>(),dbp.data_ptr<float>(),M,S);
  Tensor dO=at::mm(dp,Wp),dWp=at::mm(dp.t(),out);
  Tensor dq=at::empty({BH,N,64},o),dk=at::empty({BH,N,64},o),dv=at::empty({BH,N,64},o);
  int64_t gr=group(N,BH); Tensor dd=at::empty({gr,N,64},o); std::vector<float> delta(gr*N);
  for(int64_t i=0;i<BH;i+=gr){ int64_t n=std::min(gr,BH-i); Tensor d=dd.narrow(0,0,n);
    for(int64_t j=0;j<n;j++){int64_t b=(i+j)/H,h=(i+j)%H; for(int64_t t=0;t<N;t++){ const u16*c=P(dO)+(b*N+t)*D+h*64,*oo=P(out)+(b*N+t)*D+h*64; __m512 a=_mm512_setzero_ps(); for(int u=0;u<4;u++)a=_mm512_fmadd_ps(ld(c+16*u),ld(oo+16*u),a); delta[j*N+t]=_mm512_reduce_add_ps(a); memcpy(P(d)+(j*N+t)*64,c,128);}}
    Tensor Q=q.narrow(0,i,n),K=k.narrow(0,i,n),V=v.narrow(0,i,n);
    Tensor s=at::bmm(Q,K.transpose(1,2)),ds=at::bmm(d,V.transpose(1,2));
    ds_rows(P(s),P(ds),sum.data_ptr<float>()+i*N,delta.data(),n*N,N);
    Tensor a=dv.narrow(0,i,n); at::bmm_out(a,s.transpose(1,2),d); a=dq.narrow(0,i,n); at::bmm_out(a,ds,K); a=dk.narrow(0,i,n); at::bmm_out(a,ds.transpose(1,2),Q);}
  Tensor dqkv=at::empty({M,3*D},o); split_rope_bwd(P(dq),P(dk),P(dv),P(qkv),P(wq),P(wk),P(cs),P(sn),P(dqkv),dwq.data_ptr<float>(),dwk.data_ptr<float>(),B,N);
  Tensor dW=at::mm(dqkv.t(),y),dy=at::mm(dqkv,Wqkv),dx=at::empty({M,D},o);
  ln_mod_bwd(P(dy),P(x),mean.data_ptr<float>(),rstd.data_ptr<float>(),P(mod),3*D,(off+1)*D,P(g),P(dx),dmod.data_ptr<float>(),M,S);
  return {dx,dmod,dW,dwq,dwk,dWp,dbp};
}
std::vector<Tensor> mlp_fwd(Tensor x,Tensor mod,int64_t off,Tensor Wu,Tensor bu,Tensor Wd,Tensor bd,int64_t S){
  at::AutoDispatchBelowADInplaceOrView guard; py::gil_scoped_release nogil;
  int64_t M=x.size(0); auto o=x.options(),of=o.dtype(at::kFloat); int64_t E=Wu.size(0);
  Tensor y=at::empty({M,D},o),mean=at::empty({M},of),rstd=at::empty({M},of);
  ln_mod(P(x),P(mod),3*D,off*D,(off+1)*D,P(y),mean.data_ptr<float>(),rstd.data_ptr<float>(),M,S);
  Tensor u=at::mm(y,Wu.t()),a=at::empty({M,E},o); const __m512 zero=_mm512_setzero_ps();
  for(int64_t m=0;m<M;m++)for(int64_t i=0;i<E;i+=16){ u16*p=P(u)+m*E+i; __m512 r=_mm512_max_ps(zero,_mm512_add_ps(ld(p),ld(P(bu)+i))); st(p,r); st(P(a)+m*E+i,_mm512_mul_ps(r,r));}
  Tensor p=at::mm(a,Wd.t()),res=at::empty({M,D},o);
  gate_add(P(x),P(p),P(bd),P(mod),3*D,(off+2)*D,P(res),M,S);
  return {res,y,mean,rstd,u,p};
}
std::vector<Tensor> mlp_bwd(Tensor g,Tensor x,Tensor mod,int64_t off,Tensor Wu,Tensor Wd,int64_t S,Tensor y,Tensor mean,Tensor rstd,Tensor u,Tensor p){
  at::AutoDispatchBelowADInplaceOrView guard; py::gil_scoped_release nogil;
  int64_t M=x.size(0),F=M/S,E=Wu.size(0); auto o=x.options(),of=o.dtype(at::kFloat);
  Tensor dmod=at::zeros({F,3*D},of),dbd=at::zeros({D},of),dbu=at::zeros({E},of),dp=at::empty({M,D},o);
  gate_bwd(P(g),P(p),P(mod),3*D,(off+2)*D,P(dp),dmod.data_ptr<float>(),dbd.data_ptr<float>(),M,S);
  Tensor da=at::mm(dp,Wd),a=at::empty({M,E},o); float*acc=dbu.data_ptr<float>();
  for(int64_t m=0;m<M;m++)for(int64_t i=0;i<E;i+=16){ int64_t k=m*E+i; __m512 r=ld(P(u)+k),d=_mm512_mul_ps(ld(P(da)+k),_mm512_add_ps(r,r)); st(P(a)+k,_mm512_mul_ps(r,r)); st(P(da)+k,d); _mm512_storeu_ps(acc+i,_mm512_add_ps(_mm512_loadu_ps(acc+i),d));}
  Tensor dWd=at::mm(dp.t(),a),dWu=at::mm(da.t(),y),dy=at::mm(da,Wu),dx=at::empty({M,D},o);
  ln_mod_bwd(P(dy),P(x),mean.data_ptr<float>(),rstd.data_ptr<float>(),P(mod),3*D,(off+1)*D,P(g),P(dx),dmod.data_ptr<float>(),M,S);
  return {dx,dmod,dWu,dbu,dWd,dbd};
}
PYBIND11_MODULE(TORCH_EXTENSION_NAME,m){ m.def("attn_fwd",&attn_fwd); m.def("attn_bwd",&attn_bwd); m.def("mlp_fwd",&mlp_fwd); m.def("mlp_bwd",&mlp_bwd);}
